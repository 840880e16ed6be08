// For recvmmsg, sendmmsg, accept4 and the names of threads; before any system header.
#define _GNU_SOURCE
#include "Batch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t load64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | bytes[i];
    return value;
}

static void store64(uint8_t *bytes, uint64_t value) {
    for (int i = 7; i >= 0; i--, value >>= 8) bytes[i] = (uint8_t)value;
}

static bool is_v4(uint64_t high, uint64_t low) { return high == 0 && low >> 32 == 0xFFFF; }

static uint64_t v4_low(struct in_addr address) {
    return 0xFFFF00000000ull | ntohl(address.s_addr);
}

// What `out_ways` has of a way. An IPv4 client that is answered from the only address there is fits
// whole.
static uint64_t way_of(const cpio_peer *peer) {
    if (peer->is_v4 && !peer->has_local)
        return 1ull << 63 | (peer->remote_low & 0xFFFFFFFF) << 16 | peer->port;
    const uint64_t parts[] = {
        peer->remote_high, peer->remote_low, (uint64_t)peer->port << 32 | peer->scope,
        peer->local_low};
    uint64_t way = peer->local_high;
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        way = ((way ^ parts[i]) * 0x9E3779B97F4A7C15ull) ^ way >> 29;
    return way >> 1;
}

static socklen_t put_name(
    struct sockaddr_in6 *name, uint64_t high, uint64_t low, uint16_t port, uint32_t scope,
    bool v4) {
    memset(name, 0, sizeof *name);
    if (v4) {
        struct sockaddr_in *four = (struct sockaddr_in *)name;
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        four->sin_addr.s_addr = htonl((uint32_t)low);
        return sizeof *four;
    }
    name->sin6_family = AF_INET6;
    name->sin6_port = htons(port);
    name->sin6_scope_id = scope;
    store64(name->sin6_addr.s6_addr, high);
    store64(name->sin6_addr.s6_addr + 8, low);
    return sizeof *name;
}

static void get_name(const struct sockaddr_in6 *name, cpio_peer *peer) {
    if (name->sin6_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)name;
        peer->remote_high = 0;
        peer->remote_low = v4_low(four->sin_addr);
        peer->port = ntohs(four->sin_port);
        peer->is_v4 = true;
    } else {
        peer->remote_high = load64(name->sin6_addr.s6_addr);
        peer->remote_low = load64(name->sin6_addr.s6_addr + 8);
        peer->port = ntohs(name->sin6_port);
        peer->scope = name->sin6_scope_id;
        peer->is_v4 = false;
    }
}

cpio_batch *cpio_batch_create(unsigned slots, size_t in_bytes, size_t out_bytes) {
    cpio_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    batch->slots = slots;
    batch->in_bytes = in_bytes;
    batch->out_bytes = out_bytes;
    batch->in_messages = calloc(slots, sizeof *batch->in_messages);
    batch->out_messages = calloc(slots, sizeof *batch->out_messages);
    batch->in_vectors = calloc(slots, sizeof *batch->in_vectors);
    batch->out_vectors = calloc(slots, sizeof *batch->out_vectors);
    batch->in_names = calloc(slots, sizeof *batch->in_names);
    batch->out_names = calloc(slots, sizeof *batch->out_names);
    batch->in_control = calloc(slots, CONTROL_BYTES);
    batch->out_control = calloc(slots, CONTROL_BYTES);
    batch->in_buffer = calloc(slots, in_bytes);
    batch->out_buffer = calloc(slots, out_bytes);
    batch->out_ways = calloc(slots, sizeof *batch->out_ways);
    batch->trains = trains_create(slots, out_bytes);
    if (!batch->in_messages || !batch->out_messages || !batch->in_vectors || !batch->out_vectors ||
        !batch->in_names || !batch->out_names || !batch->in_control || !batch->out_control ||
        !batch->in_buffer || !batch->out_buffer || !batch->out_ways ||
        !batch->trains) {
        cpio_batch_destroy(batch);
        return NULL;
    }
    for (unsigned i = 0; i < slots; i++) {
        batch->in_vectors[i].iov_base = batch->in_buffer + i * in_bytes;
        batch->in_vectors[i].iov_len = in_bytes;
        batch->out_vectors[i].iov_base = batch->out_buffer + i * out_bytes;
        struct msghdr *in = &batch->in_messages[i].msg_hdr;
        in->msg_name = &batch->in_names[i];
        in->msg_iov = &batch->in_vectors[i];
        in->msg_iovlen = 1;
        in->msg_control = batch->in_control + i * CONTROL_BYTES;
        struct msghdr *out = &batch->out_messages[i].msg_hdr;
        out->msg_name = &batch->out_names[i];
        out->msg_iov = &batch->out_vectors[i];
        out->msg_iovlen = 1;
    }
    return batch;
}

void cpio_batch_destroy(cpio_batch *batch) {
    if (!batch) return;
    free(batch->in_messages);
    free(batch->out_messages);
    free(batch->in_vectors);
    free(batch->out_vectors);
    free(batch->in_names);
    free(batch->out_names);
    free(batch->in_control);
    free(batch->out_control);
    free(batch->in_buffer);
    free(batch->out_buffer);
    free(batch->out_ways);
    trains_destroy(batch->trains);
    free(batch);
}

int cpio_batch_receive(cpio_batch *batch, int fd) {
    for (unsigned i = 0; i < batch->slots; i++) {
        struct msghdr *in = &batch->in_messages[i].msg_hdr;
        in->msg_namelen = sizeof(struct sockaddr_in6);
        in->msg_controllen = CONTROL_BYTES;
        in->msg_flags = 0;
    }
    // MSG_TRUNC: the length tells how long a datagram was that did not fit.
    return recvmmsg(fd, batch->in_messages, batch->slots, MSG_DONTWAIT | MSG_TRUNC, NULL);
}

const uint8_t *cpio_batch_in_bytes(const cpio_batch *batch, unsigned slot) {
    return batch->in_buffer + slot * batch->in_bytes;
}

size_t cpio_batch_in_length(const cpio_batch *batch, unsigned slot) {
    return batch->in_messages[slot].msg_len;
}

void cpio_batch_in_peer(const cpio_batch *batch, unsigned slot, cpio_peer *peer) {
    struct msghdr *message = &batch->in_messages[slot].msg_hdr;
    memset(peer, 0, sizeof *peer);
    get_name(&batch->in_names[slot], peer);
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
         control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            peer->local_high = 0;
            peer->local_low = v4_low(info.ipi_addr);
            peer->interface = (uint32_t)info.ipi_ifindex;
            peer->has_local = true;
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            peer->local_high = load64(info.ipi6_addr.s6_addr);
            peer->local_low = load64(info.ipi6_addr.s6_addr + 8);
            peer->interface = info.ipi6_ifindex;
            peer->has_local = true;
        }
    }
}

uint8_t *cpio_batch_out_room(cpio_batch *batch) {
    return batch->out_count < batch->slots ? batch->out_buffer + batch->out_count * batch->out_bytes
                                           : NULL;
}

unsigned cpio_batch_out_count(const cpio_batch *batch) { return batch->out_count; }

void cpio_batch_out_push(cpio_batch *batch, size_t length, const cpio_peer *peer) {
    unsigned slot = batch->out_count;
    if (slot >= batch->slots || length > batch->out_bytes) return;
    struct msghdr *message = &batch->out_messages[slot].msg_hdr;
    batch->out_vectors[slot].iov_len = length;
    batch->out_ways[slot] = way_of(peer);
    message->msg_name = &batch->out_names[slot];
    message->msg_namelen = put_name(
        &batch->out_names[slot], peer->remote_high, peer->remote_low, peer->port, peer->scope,
        peer->is_v4);
    message->msg_flags = 0;
    message->msg_control = NULL;
    message->msg_controllen = 0;
    // The answer leaves from the address that was asked (RFC 2181 section 4), and for IPv6 by the
    // interface too, since a link-local address means nothing without it.
    if (peer->has_local) {
        uint8_t *room = batch->out_control + slot * CONTROL_BYTES;
        memset(room, 0, CONTROL_BYTES);
        message->msg_control = room;
        message->msg_controllen = CONTROL_BYTES;
        struct cmsghdr *control = CMSG_FIRSTHDR(message);
        if (peer->is_v4) {
            struct in_pktinfo info = {0};
            info.ipi_spec_dst.s_addr = htonl((uint32_t)peer->local_low);
            control->cmsg_level = IPPROTO_IP;
            control->cmsg_type = IP_PKTINFO;
            control->cmsg_len = CMSG_LEN(sizeof info);
            memcpy(CMSG_DATA(control), &info, sizeof info);
            message->msg_controllen = CMSG_SPACE(sizeof info);
        } else {
            struct in6_pktinfo info = {0};
            store64(info.ipi6_addr.s6_addr, peer->local_high);
            store64(info.ipi6_addr.s6_addr + 8, peer->local_low);
            info.ipi6_ifindex = peer->interface;
            control->cmsg_level = IPPROTO_IPV6;
            control->cmsg_type = IPV6_PKTINFO;
            control->cmsg_len = CMSG_LEN(sizeof info);
            memcpy(CMSG_DATA(control), &info, sizeof info);
            message->msg_controllen = CMSG_SPACE(sizeof info);
        }
    }
    batch->out_count = slot + 1;
}

void cpio_batch_out_push_connected(cpio_batch *batch, size_t length) {
    unsigned slot = batch->out_count;
    if (slot >= batch->slots || length > batch->out_bytes) return;
    struct msghdr *message = &batch->out_messages[slot].msg_hdr;
    batch->out_vectors[slot].iov_len = length;
    // All by the one way that the socket is connected to.
    batch->out_ways[slot] = 1ull << 63;
    message->msg_name = NULL;
    message->msg_namelen = 0;
    message->msg_flags = 0;
    message->msg_control = NULL;
    message->msg_controllen = 0;
    batch->out_count = slot + 1;
}

// What became of messages that were to be sent.
struct sending {
    int fd, patience_ms;
    unsigned lost;
    uint16_t *refused;
    unsigned refused_count;
};

// Sends messages up to the first that does not go. How many went; fewer than `count` only with errno.
static unsigned send_some(
    const struct sending *sending, struct mmsghdr *messages, unsigned count) {
    unsigned done = 0;
    while (done < count) {
        int sent = sendmmsg(
            sending->fd, messages + done, count - done,
            MSG_NOSIGNAL | (sending->patience_ms > 0 ? 0 : MSG_DONTWAIT));
        if (sent > 0) {
            done += (unsigned)sent;
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN && sending->patience_ms > 0) {
            struct pollfd waiting = {.fd = sending->fd, .events = POLLOUT};
            if (poll(&waiting, 1, sending->patience_ms) > 0) continue;
            errno = EAGAIN;
        }
        break;
    }
    return done;
}

// Notes a datagram that did not go; one that met a full buffer is like one lost on its way.
static void give_up(struct sending *sending, unsigned slot, int reason) {
    sending->lost++;
    if (sending->refused && reason != EAGAIN && reason != ENOBUFS)
        sending->refused[sending->refused_count++] = (uint16_t)slot;
}

// Sends the datagrams of slots that lie one behind the other. One that cannot be sent does not hold
// up the others.
static void send_slots(
    cpio_batch *batch, struct sending *sending, unsigned from, unsigned count) {
    for (unsigned end = from + count; from < end; from++) {
        from += send_some(sending, batch->out_messages + from, end - from);
        if (from < end) give_up(sending, from, errno);
    }
}

// Sends what a train held that did not go: car by car, and without the first where it is the client
// that cannot be reached.
static void send_cars(cpio_batch *batch, struct sending *sending, unsigned train, int reason) {
    unsigned count, from = 0, lost_before = sending->lost;
    const uint16_t *slots = trains_slots(batch->trains, train, &count);
    if (!trains_may_be_why(reason)) give_up(sending, slots[from++], reason);
    for (; from < count; from++) send_slots(batch, sending, slots[from], 1);
    if (sending->lost == lost_before) trains_rest(batch->trains);
}

unsigned cpio_batch_send(
    cpio_batch *batch, int fd, int patience_ms, uint16_t *refused, unsigned *refused_count) {
    struct sending sending = {.fd = fd, .patience_ms = patience_ms, .refused = refused};
    unsigned trains = trains_couple(batch->trains, batch);
    if (trains == 0) send_slots(batch, &sending, 0, batch->out_count);
    for (unsigned train = 0; train < trains; train++) {
        train += send_some(&sending, trains_messages(batch->trains) + train, trains - train);
        if (train < trains) send_cars(batch, &sending, train, errno);
    }
    batch->out_count = 0;
    if (refused_count) *refused_count = sending.refused_count;
    return sending.lost;
}

static int failed(int fd) {
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

int cpio_serve_socket(uint64_t high, uint64_t low, uint16_t port, int type, bool shared) {
    bool v4 = is_v4(high, low);
    int fd = socket(v4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int on = 1;
    int bytes = 4 << 20;
    // For UDP, SO_REUSEADDR would let a second server take the port in silence.
    if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) return failed(fd);
    if (!v4) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (type == SOCK_DGRAM) {
        // A whole classroom asks at the same second after the bell.
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        // Only a wildcard address needs to be told which of ours was asked.
        if (v4 && (uint32_t)low == 0)
            setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
        if (!v4) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
        // Never fragment on what somebody claims about the path (RFC 9715 section 3.1).
        int discover = IP_PMTUDISC_OMIT;
        if (v4) setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
    } else {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    struct sockaddr_in6 name;
    socklen_t length = put_name(&name, high, low, port, 0, v4);
    if (bind(fd, (struct sockaddr *)&name, length) < 0) return failed(fd);
    if (type == SOCK_STREAM && listen(fd, 1024) < 0) return failed(fd);
    return fd;
}

int cpio_ask_socket(uint64_t high, uint64_t low, uint16_t port, uint16_t local_port) {
    bool v4 = is_v4(high, low);
    int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct sockaddr_in6 name;
    socklen_t length;
    if (local_port) {
        length = put_name(&name, 0, v4 ? 0xFFFF00000000ull : 0, local_port, 0, v4);
        if (bind(fd, (struct sockaddr *)&name, length) < 0) return failed(fd);
    }
    length = put_name(&name, high, low, port, 0, v4);
    if (connect(fd, (struct sockaddr *)&name, length) < 0) return failed(fd);
    return fd;
}

int cpio_connect_socket(uint64_t high, uint64_t low, uint16_t port) {
    bool v4 = is_v4(high, low);
    int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in6 name;
    socklen_t length = put_name(&name, high, low, port, 0, v4);
    if (connect(fd, (struct sockaddr *)&name, length) < 0 && errno != EINPROGRESS)
        return failed(fd);
    return fd;
}

uint16_t cpio_local_port(int fd) {
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    memset(&name, 0, sizeof name);
    if (getsockname(fd, (struct sockaddr *)&name, &length) < 0) return 0;
    return ntohs(name.sin6_port);  // the port lies at the same place for both families
}

void cpio_name_thread(pthread_t thread, const char *name) {
    char kept[16];
    strncpy(kept, name, sizeof kept - 1);
    kept[sizeof kept - 1] = 0;
    pthread_setname_np(thread, kept);
}

void cpio_exact_pauses(void) {
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
}

void cpio_pause(uint32_t microseconds) {
    struct timespec time = {.tv_nsec = microseconds % 1000000 * 1000L};
    nanosleep(&time, NULL);
}

int cpio_accept(int fd, cpio_peer *peer) {
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    memset(&name, 0, sizeof name);
    memset(peer, 0, sizeof *peer);
    int connection = accept4(fd, (struct sockaddr *)&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) return -1;
    int on = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    get_name(&name, peer);
    return connection;
}

bool cpio_may_become_socket(const char *path) {
    struct stat status;
    return lstat(path, &status) != 0 || S_ISSOCK(status.st_mode);
}

int cpio_accept_local(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC); }

int cpio_socket_error(int fd) {
    int reason = 0;
    socklen_t length = sizeof reason;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &length) < 0) return errno;
    return reason;
}

bool cpio_reserve(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length) == 0;
}
