if [ "$1" = 0 ] && [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now pigear.socket pigear.service 'pigear@*.socket' 'pigear@*.service' \
        >/dev/null 2>&1 || :
fi
