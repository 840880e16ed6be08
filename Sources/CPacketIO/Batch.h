// The batch of datagrams from inside this room.
#ifndef CPACKETIO_BATCH_H
#define CPACKETIO_BATCH_H
#include "CPacketIO.h"

// Room for one IP_PKTINFO or IPV6_PKTINFO message, and for a UDP_SEGMENT one behind it.
#define CONTROL_BYTES 64

struct trains;

struct cpio_batch {
    unsigned slots;
    size_t in_bytes, out_bytes;
    unsigned out_count;
    struct mmsghdr *in_messages, *out_messages;
    struct iovec *in_vectors, *out_vectors;
    struct sockaddr_in6 *in_names, *out_names;
    uint8_t *in_control, *out_control;
    uint8_t *in_buffer, *out_buffer;
    // By outgoing slot: stands for where the datagram goes and the address that it leaves from. Equal
    // for equal ones; with the highest bit set equal for no others.
    uint64_t *out_ways;
    struct trains *trains;
};

// Room to couple the datagrams of a batch of so many, of up to so many octets each; NULL if there is
// no memory.
struct trains *trains_create(unsigned slots, size_t out_bytes);
void trains_destroy(struct trains *trains);
// Couples what is in the batch. How many trains there are now, all datagrams among them; 0 where the
// batch is better sent as it is.
unsigned trains_couple(struct trains *trains, const cpio_batch *batch);
// The trains, as sendmmsg takes them.
struct mmsghdr *trains_messages(struct trains *trains);
// The slots of a train's datagrams; `count` is 1 or more.
const uint16_t *trains_slots(const struct trains *trains, unsigned train, unsigned *count);
// Whether a train that the kernel refused for `reason` may have been refused for being one.
bool trains_may_be_why(int reason);
// Makes no trains for a while.
void trains_rest(struct trains *trains);
#endif
