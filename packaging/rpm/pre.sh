getent group pigear >/dev/null || groupadd --system pigear
getent passwd pigear >/dev/null ||
    useradd --system --gid pigear --home-dir / --no-create-home --shell /sbin/nologin --comment Pigear pigear
