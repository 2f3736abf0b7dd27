/* The least that a receiver can do: one recv() an alert, into the same memory again and again.
 *
 * yardstick SOCKET COUNT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buffer[66 * 1024 + 1];

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct rusage usage;
    long count, received = 0;
    int fd;

    if (argc != 3 || strlen(argv[1]) >= sizeof address.sun_path)
        return 2;
    strcpy(address.sun_path, argv[1]);
    count = atol(argv[2]);
    fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("bind");
        return 1;
    }
    while (received < count) {
        if (recv(fd, buffer, sizeof buffer, 0) < 0) {
            perror("recv");
            return 1;
        }
        received++;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld alerts, user %ld.%06ld s, system %ld.%06ld s\n", received,
           (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec,
           (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec);
    return 0;
}
