// The few Linux calls that Swift cannot see: recvmmsg, sendmmsg, control messages, and the
// headers of epoll, eventfd, inotify and signalfd.
#ifndef CPACKETIO_H
#define CPACKETIO_H
// No _GNU_SOURCE here: it would give system types another shape than Swift's own view of them has
// (fd_set), and whether a build then fails depends on the order in which modules are loaded.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

// Who sent a datagram and to which of our addresses, or where one is to go and from which.
// Addresses are 128-bit numbers in two halves, in host byte order; IPv4 as ::ffff:a.b.c.d.
typedef struct {
    uint64_t remote_high, remote_low;
    uint64_t local_high, local_low;  // valid if has_local
    uint32_t scope;                  // IPv6 scope of a link-local remote address
    uint32_t interface;              // the interface it came in by; 0 if unknown
    uint16_t port;                   // remote port, host byte order
    bool is_v4;                      // the socket is an AF_INET one
    bool has_local;
} cpio_peer;

// A batch of datagrams with all their buffers, made once.
typedef struct cpio_batch cpio_batch;

// Makes a batch of `slots` datagrams, up to `in_bytes` each coming and `out_bytes` each going.
// NULL if there is no memory.
cpio_batch *cpio_batch_create(unsigned slots, size_t in_bytes, size_t out_bytes);
void cpio_batch_destroy(cpio_batch *batch);

// Receives what is there, up to the number of slots, without waiting.
// The number of datagrams, or -1 with errno.
int cpio_batch_receive(cpio_batch *batch, int fd);
const uint8_t *cpio_batch_in_bytes(const cpio_batch *batch, unsigned slot);
// The datagram's length; greater than `in_bytes` if it was cut.
size_t cpio_batch_in_length(const cpio_batch *batch, unsigned slot);
void cpio_batch_in_peer(const cpio_batch *batch, unsigned slot, cpio_peer *peer);

// The room for the next outgoing datagram, or NULL if all slots are taken.
uint8_t *cpio_batch_out_room(cpio_batch *batch);
// Takes what was written into the room.
void cpio_batch_out_push(cpio_batch *batch, size_t length, const cpio_peer *peer);
unsigned cpio_batch_out_count(const cpio_batch *batch);
// Takes the same, to go to the peer of a connected socket.
void cpio_batch_out_push_connected(cpio_batch *batch, size_t length);
// Sends all that was pushed and empties the batch. What one client gets goes together where the
// kernel can do so, hence not always in the order in which it was pushed. A full socket buffer is
// waited for, at most `patience_ms`. The number of datagrams that could not be sent; `refused`, with
// room for as many as there are slots, gets the slots of those that met more than a full buffer, and
// `refused_count` says how many (both may be NULL).
unsigned cpio_batch_send(
    cpio_batch *batch, int fd, int patience_ms, uint16_t *refused, unsigned *refused_count);

// A socket bound to an address for serving, or -1 with errno. `type`: SOCK_DGRAM or SOCK_STREAM.
// Port 0 takes any; `cpio_local_port` tells which. With `shared`, other sockets of ours may be
// bound to the same address and the kernel spreads the clients over them; without it, EADDRINUSE
// tells that somebody serves there already.
int cpio_serve_socket(uint64_t high, uint64_t low, uint16_t port, int type, bool shared);
// A non-blocking datagram socket on a port of the given number (0: the kernel's choice), connected
// to an upstream, or -1 with errno.
int cpio_ask_socket(uint64_t high, uint64_t low, uint16_t port, uint16_t local_port);
// A non-blocking stream socket that is connecting to an upstream, or -1 with errno.
int cpio_connect_socket(uint64_t high, uint64_t low, uint16_t port);
uint16_t cpio_local_port(int fd);
// Names a thread for `top -H`; at most 15 octets are kept.
void cpio_name_thread(pthread_t thread, const char *name);
// Lets this thread's pauses end within a microsecond of their time instead of the usual fifty.
void cpio_exact_pauses(void);
// Lets this thread sleep, less than a second.
void cpio_pause(uint32_t microseconds);
// Takes a connection without waiting and says whose it is; -1 with errno.
int cpio_accept(int fd, cpio_peer *peer);
// Whether a path is free for a Unix socket: nothing is there, or a socket that nobody may listen at.
bool cpio_may_become_socket(const char *path);
// Takes a connection of a Unix socket, waiting for one; -1 with errno.
int cpio_accept_local(int fd);
// The error that a connecting socket met, 0 for none.
int cpio_socket_error(int fd);
// Reserves room on the disk behind a file's end without making the file longer; false if there is
// none.
bool cpio_reserve(int fd, int64_t offset, int64_t length);

// What the kernel tells of a neighbour, or of an address of this machine itself.
typedef struct {
    uint64_t high, low;    // the address
    uint64_t hardware;     // the neighbour's hardware address, 48 bits; 0 if there is none
    uint32_t interface;    // the interface that it is at
    uint32_t sequence;     // of what ends a dump: the number that it was asked for with
    uint16_t state;        // NUD_REACHABLE and the like (linux/neighbour.h); 0 of our own
    uint8_t kind;          // CPIO_NEIGHBOUR and the like
    uint8_t prefix_bits;   // of our own: how many of 128 bits its network has
} cpio_neighbour;

enum {
    CPIO_NEIGHBOUR = 1,
    CPIO_NEIGHBOUR_GONE = 2,
    CPIO_OWN_ADDRESS = 3,
    CPIO_OWN_ADDRESS_GONE = 4,
    CPIO_DUMP_END = 5,        // all that was asked for has been told
    CPIO_DUMP_CHANGED = 6,    // the same, but something changed meanwhile: ask again
    CPIO_DUMP_FAILED = 7,     // the kernel refused, as it does while another dump goes on
};
// More than the messages that a read of CPIO_NETLINK_BYTES can hold.
enum { CPIO_NETLINK_BYTES = 65536, CPIO_NETLINK_MESSAGES = 2400 };

// A netlink socket that does not wait, or -1 with errno; with `follow` it is told of every change
// among neighbours and own addresses.
int cpio_netlink_open(bool follow);
// Asks for all neighbours, or with `own` for all own addresses; what ends the dump has its number.
bool cpio_netlink_dump(int fd, bool own, uint32_t sequence);
// Reads what has come; `count` is at least CPIO_NETLINK_MESSAGES. How many there are, or -1 with
// errno: EAGAIN for none, ENOBUFS where the kernel had to leave some out.
int cpio_netlink_read(int fd, cpio_neighbour *into, unsigned count);
// Asks for one neighbour of an interface; the kernel answers before this returns. Whether there is
// one.
bool cpio_netlink_ask(
    int fd, uint64_t high, uint64_t low, uint32_t interface, cpio_neighbour *into);

#endif
