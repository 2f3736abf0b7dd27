if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || :
fi
if [ "$1" = 1 ]; then
    systemctl --no-reload preset pigear.socket pigear.service >/dev/null 2>&1 || :
fi
