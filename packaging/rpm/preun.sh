if [ "$1" = 0 ]; then
    # `disable` takes no patterns.
    rm -f /etc/systemd/system/*.wants/pigear@*.socket /etc/systemd/system/*.wants/pigear@*.service
    systemctl --no-reload disable pigear.socket pigear.service >/dev/null 2>&1 || :
    if [ -d /run/systemd/system ]; then
        systemctl stop pigear.socket pigear.service 'pigear@*.socket' 'pigear@*.service' >/dev/null 2>&1 || :
    fi
fi
