/*
 * The floor: takes a datagram, says that it is a response, and sends it back.
 *
 * No DNS at all, so what it costs is what the kernel costs: receiving and sending in batches of 64
 * on one UDP socket. What a server costs beyond this is its own.
 *
 * Usage: echo PORT    (on 127.0.0.1, until it is ended)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    batch_count = 64,
    packet_bytes = 4096,
    header_bytes = 12,
    flags_offset = 2, /* QR is the highest bit of this octet (RFC 1035, 4.1.1) */
};

static unsigned char packets[batch_count][packet_bytes];
static struct sockaddr_in clients[batch_count];
static struct iovec vectors[batch_count];
static struct mmsghdr messages[batch_count];

static void prepare_to_receive(int count)
{
    for (int i = 0; i < count; i++) {
        vectors[i].iov_base = packets[i];
        vectors[i].iov_len = packet_bytes;
        memset(&messages[i], 0, sizeof messages[i]);
        messages[i].msg_hdr.msg_name = &clients[i];
        messages[i].msg_hdr.msg_namelen = sizeof clients[i];
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
}

static int open_socket(const char *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    here.sin_port = htons((uint16_t)atoi(port));
    int socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (socket_fd < 0 || bind(socket_fd, (struct sockaddr *)&here, sizeof here) != 0) {
        perror("echo");
        exit(1);
    }
    return socket_fd;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: echo PORT\n");
        return 2;
    }
    int socket_fd = open_socket(argv[1]);
    prepare_to_receive(batch_count);
    for (;;) {
        int count = recvmmsg(socket_fd, messages, batch_count, MSG_WAITFORONE, NULL);
        if (count < 0) {
            if (errno == EINTR || errno == ECONNREFUSED) continue;
            perror("echo");
            return 1;
        }
        for (int i = 0; i < count; i++) {
            vectors[i].iov_len = messages[i].msg_len;
            if (messages[i].msg_len >= header_bytes) packets[i][flags_offset] |= 0x80;
        }
        for (int sent = 0; sent < count;) {
            int now = sendmmsg(socket_fd, messages + sent, (unsigned)(count - sent), 0);
            sent += now > 0 ? now : 1; /* a client that has gone away costs its own answer only */
        }
        prepare_to_receive(count);
    }
}
