# The sockets stay as they are: what Snort sends while the services restart waits in them.
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || :
    if [ "$1" -ge 1 ]; then
        systemctl try-restart pigear.service 'pigear@*.service' >/dev/null 2>&1 || :
    fi
fi
# The .rpm contains files only.
if [ "$1" = 0 ]; then
    rmdir /usr/share/pigear /usr/share/doc/pigear/docs /usr/share/doc/pigear /etc/pigear 2>/dev/null || :
fi
