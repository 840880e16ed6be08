// Datagrams that go to one client by one call: udp(7), UDP_SEGMENT.
//
// Of what a datagram costs the kernel most is its way through the stack, which it goes alone. What
// one client gets out of one batch can go that way together, as a train: one buffer, which is cut
// into datagrams at its far end. They are put one behind the other first, because the kernel takes
// longer over each piece of memory that it is told of than a copy of so little takes. All cars of a
// train are of one length but the last, which may be shorter. The client sees datagrams like any
// others; only their order is another.
// For struct mmsghdr; before any system header.
#define _GNU_SOURCE
#include "Batch.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

// Smaller batches cost little, and they are what goes out where nobody is in a hurry.
#define DATAGRAMS_WORTH_TRAINS 16
// What the kernel takes (UDP_MAX_SEGMENTS of its older versions), and below 64 KiB with headers.
#define TRAIN_DATAGRAMS 64
#define TRAIN_BYTES 65000
// Batches without trains after the kernel has refused one: another network card, or a narrow path.
#define BATCHES_WITHOUT_TRAINS 4096

#define NONE UINT16_MAX

// What goes to one place from one address of ours.
struct client {
    // The slot of its first datagram, and how many they are.
    uint16_t first, count;
    // Where among the ordered those lie that are left to open trains, and those left to close them;
    // from the first opener to the last closer are all that it gets, also among the sorted.
    uint16_t opener, openers_end, closer, closers_end;
};

// The datagrams of one client that are equally long: where among the sorted they begin, and how many
// they are; whether each of them closes a train of longer ones.
struct length {
    uint16_t first, count;
    bool closes;
};

struct trains {
    // Trains there are now, and batches to go without any.
    unsigned count, rest;
    // Holds all the numbers of 16 bits below.
    uint16_t *numbers;
    // By train.
    struct mmsghdr *messages;
    uint8_t *control;
    uint16_t *first_car, *cars;
    struct iovec *vectors;
    // By car: all trains' one behind the other.
    uint16_t *car_slots;
    // The octets of trains with two cars or more, and how many there are.
    uint8_t *freight;
    size_t loaded;
    struct client *clients;
    // By slot: whose datagram it is.
    uint16_t *client_of;
    // By length: how many datagrams have it, then the place of the next of them among `by_length`.
    uint16_t *tally;
    // The slots of all datagrams, the longest first; of equally long ones the first first.
    uint16_t *by_length;
    // Client by client, its datagrams in that order: the length above the slot.
    uint32_t *sorted;
    // One client's.
    struct length *lengths;
    // Client by client, written the same way: those that open trains, and behind them those that
    // close them, the longest first.
    uint32_t *ordered;
    // Clients by a hash of where they are; NONE is a free place.
    uint16_t *places;
    unsigned place_mask;
};

struct trains *trains_create(unsigned slots, size_t out_bytes) {
    struct trains *trains = calloc(1, sizeof *trains);
    if (!trains) return NULL;
    unsigned places = 4;
    while (places < 2 * slots) places *= 2;
    trains->place_mask = places - 1;
    trains->messages = calloc(slots, sizeof *trains->messages);
    trains->vectors = calloc(slots, sizeof *trains->vectors);
    trains->control = calloc(slots, CONTROL_BYTES);
    trains->freight = calloc(slots, out_bytes);
    trains->numbers = calloc(5 * slots + out_bytes + 1 + places, sizeof *trains->numbers);
    trains->clients = calloc(slots, sizeof *trains->clients);
    trains->sorted = calloc(slots, sizeof *trains->sorted);
    trains->lengths = calloc(slots, sizeof *trains->lengths);
    trains->ordered = calloc(slots, sizeof *trains->ordered);
    if (!trains->messages || !trains->vectors || !trains->control || !trains->freight ||
        !trains->numbers || !trains->clients || !trains->sorted || !trains->lengths ||
        !trains->ordered) {
        trains_destroy(trains);
        return NULL;
    }
    trains->first_car = trains->numbers;
    trains->cars = trains->first_car + slots;
    trains->car_slots = trains->cars + slots;
    trains->client_of = trains->car_slots + slots;
    trains->by_length = trains->client_of + slots;
    trains->tally = trains->by_length + slots;
    trains->places = trains->tally + out_bytes + 1;
    return trains;
}

void trains_destroy(struct trains *trains) {
    if (!trains) return;
    free(trains->messages);
    free(trains->vectors);
    free(trains->control);
    free(trains->freight);
    free(trains->numbers);
    free(trains->clients);
    free(trains->sorted);
    free(trains->lengths);
    free(trains->ordered);
    free(trains);
}

struct mmsghdr *trains_messages(struct trains *trains) { return trains->messages; }

const uint16_t *trains_slots(const struct trains *trains, unsigned train, unsigned *count) {
    *count = trains->cars[train];
    return trains->car_slots + trains->first_car[train];
}

bool trains_may_be_why(int reason) {
    return reason == EINVAL || reason == EIO || reason == EMSGSIZE || reason == EOPNOTSUPP ||
           reason == ENOPROTOOPT;
}

void trains_rest(struct trains *trains) { trains->rest = BATCHES_WITHOUT_TRAINS; }

// Whether two datagrams go to the same place from the same address of ours.
static bool same_way(const cpio_batch *batch, unsigned one, unsigned other) {
    if (batch->out_ways[one] != batch->out_ways[other]) return false;
    if (batch->out_ways[one] >> 63) return true;
    const struct msghdr *left = &batch->out_messages[one].msg_hdr;
    const struct msghdr *right = &batch->out_messages[other].msg_hdr;
    return left->msg_namelen == right->msg_namelen &&
           left->msg_controllen == right->msg_controllen &&
           !memcmp(left->msg_name, right->msg_name, left->msg_namelen) &&
           (!left->msg_controllen ||
            !memcmp(left->msg_control, right->msg_control, left->msg_controllen));
}

// Finds out whose each datagram is. How many clients there are.
static unsigned find_clients(struct trains *trains, const cpio_batch *batch) {
    memset(trains->places, 0xFF, (trains->place_mask + 1) * sizeof *trains->places);
    unsigned clients = 0;
    for (unsigned slot = 0; slot < batch->out_count; slot++) {
        unsigned place =
            (unsigned)(batch->out_ways[slot] * 0x9E3779B97F4A7C15ull >> 40) & trains->place_mask;
        uint16_t client;
        while ((client = trains->places[place]) != NONE &&
               !same_way(batch, trains->clients[client].first, slot))
            place = (place + 1) & trains->place_mask;
        if (client == NONE) {
            client = (uint16_t)clients++;
            trains->places[place] = client;
            trains->clients[client].first = (uint16_t)slot;
            trains->clients[client].count = 0;
        }
        trains->client_of[slot] = client;
        trains->clients[client].count++;
    }
    uint16_t at = 0;
    for (struct client *client = trains->clients; client < trains->clients + clients; client++) {
        client->opener = client->closers_end = at;
        at += client->count;
    }
    return clients;
}

// Sorts the datagrams by their client and then by their length, by counting.
static void sort_datagrams(struct trains *trains, const cpio_batch *batch) {
    const struct iovec *vectors = batch->out_vectors;
    size_t shortest = batch->out_bytes, longest = 0;
    for (unsigned slot = 0; slot < batch->out_count; slot++) {
        size_t length = vectors[slot].iov_len;
        if (length < shortest) shortest = length;
        if (length > longest) longest = length;
    }
    uint16_t *tally = trains->tally;
    memset(tally + shortest, 0, (longest - shortest + 1) * sizeof *tally);
    for (unsigned slot = 0; slot < batch->out_count; slot++) tally[vectors[slot].iov_len]++;
    unsigned place = 0;
    for (size_t length = longest + 1; length-- > shortest;) {
        unsigned count = tally[length];
        tally[length] = (uint16_t)place;
        place += count;
    }
    for (unsigned slot = 0; slot < batch->out_count; slot++)
        trains->by_length[tally[vectors[slot].iov_len]++] = (uint16_t)slot;
    for (unsigned at = 0; at < batch->out_count; at++) {
        uint16_t slot = trains->by_length[at];
        struct client *client = trains->clients + trains->client_of[slot];
        trains->sorted[client->closers_end++] = (uint32_t)vectors[slot].iov_len << 16 | slot;
    }
}

static unsigned length_of(uint32_t datagram) { return datagram >> 16; }
static uint16_t slot_of(uint32_t datagram) { return (uint16_t)datagram; }

// The one of the most datagrams among the lengths that close trains.
static struct length *dearest_closing(struct length *lengths, unsigned count) {
    struct length *dearest = NULL;
    for (struct length *length = lengths; length < lengths + count; length++)
        if (length->closes && (!dearest || length->count > dearest->count)) dearest = length;
    return dearest;
}

// Finds the lengths among the sorted datagrams of one client, and whose datagrams close trains so
// that there are as few trains as can be. How many lengths there are.
//
// A length needs no train of its own if each of its n datagrams closes one of longer ones. It takes
// n trains then, and does not offer its own to shorter ones. So, for each such length, the sum of
// n + 1 over it and all longer such may be the number of lengths that are as long or longer. To
// have the most such is to have the most jobs ready when they are due: take each as it comes, and
// whenever the sum is too large, give back the dearest (J. M. Moore, 1968).
static unsigned choose_closing(const struct trains *trains, const struct client *client) {
    struct length *lengths = trains->lengths;
    unsigned count = 0, sum = 0;
    for (unsigned first = client->opener, end; first < client->closers_end; first = end) {
        unsigned octets = length_of(trains->sorted[first]);
        for (end = first + 1;
             end < client->closers_end && length_of(trains->sorted[end]) == octets;)
            end++;
        // One without octets would be lost in a train.
        lengths[count++] = (struct length){(uint16_t)first, (uint16_t)(end - first), octets > 0};
        if (octets > 0) sum += end - first + 1;
        if (sum > count) {
            struct length *dearest = dearest_closing(lengths, count);
            dearest->closes = false;
            sum -= dearest->count + 1u;
        }
    }
    return count;
}

// Puts the datagrams of those lengths that close trains, or of those that do not, behind one another.
// Where they end.
static unsigned put_lengths(
    struct trains *trains, unsigned lengths, bool closing, unsigned at) {
    for (const struct length *length = trains->lengths; lengths-- > 0; length++) {
        if (length->closes != closing) continue;
        memcpy(
            trains->ordered + at, trains->sorted + length->first,
            length->count * sizeof *trains->sorted);
        at += length->count;
    }
    return at;
}

// Orders the datagrams of one client for their trains.
static void order_datagrams(struct trains *trains, struct client *client) {
    unsigned lengths = choose_closing(trains, client);
    unsigned middle = put_lengths(trains, lengths, false, client->opener);
    put_lengths(trains, lengths, true, middle);
    client->openers_end = client->closer = (uint16_t)middle;
}

// Begins a train for the datagram in a slot.
static void begin_train(
    struct trains *trains, const cpio_batch *batch, unsigned first_car, uint16_t slot) {
    unsigned train = trains->count++;
    trains->messages[train].msg_hdr = batch->out_messages[slot].msg_hdr;
    trains->first_car[train] = (uint16_t)first_car;
    trains->cars[train] = 0;
}

static void add_car(struct trains *trains, uint16_t slot) {
    unsigned train = trains->count - 1;
    trains->car_slots[trains->first_car[train] + trains->cars[train]++] = slot;
}

// Puts the octets of the last train's cars one behind the other.
static void load_train(struct trains *trains, const cpio_batch *batch) {
    unsigned train = trains->count - 1;
    const uint16_t *slots = trains->car_slots + trains->first_car[train];
    struct iovec *vector = trains->vectors + train;
    vector->iov_base = trains->freight + trains->loaded;
    vector->iov_len = 0;
    for (unsigned car = 0; car < trains->cars[train]; car++) {
        const struct iovec *octets = batch->out_vectors + slots[car];
        memcpy((uint8_t *)vector->iov_base + vector->iov_len, octets->iov_base, octets->iov_len);
        vector->iov_len += octets->iov_len;
    }
    trains->loaded += vector->iov_len;
    trains->messages[train].msg_hdr.msg_iov = vector;
}

// Loads the last train and tells the kernel where to cut it; nothing to cut in one of a single car.
static void end_train(struct trains *trains, const cpio_batch *batch, uint16_t length) {
    unsigned train = trains->count - 1;
    if (trains->cars[train] < 2) return;
    load_train(trains, batch);
    struct msghdr *message = &trains->messages[train].msg_hdr;
    uint8_t *room = trains->control + train * CONTROL_BYTES;
    size_t had = message->msg_controllen;
    memset(room, 0, CONTROL_BYTES);
    if (had) memcpy(room, message->msg_control, had);
    struct cmsghdr *cut = (struct cmsghdr *)(room + had);
    cut->cmsg_level = IPPROTO_UDP;
    cut->cmsg_type = UDP_SEGMENT;
    cut->cmsg_len = CMSG_LEN(sizeof length);
    memcpy(CMSG_DATA(cut), &length, sizeof length);
    message->msg_control = room;
    message->msg_controllen = had + CMSG_SPACE(sizeof length);
}

// Makes a train of the longest of a client's datagrams that are left to open one; `car` is the next
// free one. How many went into it; 0 if none are left.
static unsigned couple_longest(
    struct trains *trains, const cpio_batch *batch, struct client *client, unsigned car) {
    const uint32_t *ordered = trains->ordered;
    if (client->opener == client->openers_end) {
        // Full trains had no room for what was to close them.
        client->opener = client->closer;
        client->openers_end = client->closer = client->closers_end;
        if (client->opener == client->openers_end) return 0;
    }
    unsigned length = length_of(ordered[client->opener]);
    unsigned most = length ? TRAIN_BYTES / length : 1, taken = 0;
    if (most > TRAIN_DATAGRAMS) most = TRAIN_DATAGRAMS;
    begin_train(trains, batch, car, slot_of(ordered[client->opener]));
    for (; client->opener < client->openers_end && taken < most &&
           length_of(ordered[client->opener]) == length;
         taken++)
        add_car(trains, slot_of(ordered[client->opener++]));
    if (client->closer < client->closers_end && taken < most &&
        length_of(ordered[client->closer]) < length) {
        add_car(trains, slot_of(ordered[client->closer++]));
        taken++;
    }
    end_train(trains, batch, (uint16_t)length);
    return taken;
}

unsigned trains_couple(struct trains *trains, const cpio_batch *batch) {
    if (batch->out_count < DATAGRAMS_WORTH_TRAINS) return 0;
    if (trains->rest > 0) {
        trains->rest--;
        return 0;
    }
    unsigned clients = find_clients(trains, batch);
    if (clients == batch->out_count) return 0;
    sort_datagrams(trains, batch);
    for (unsigned client = 0; client < clients; client++)
        order_datagrams(trains, trains->clients + client);
    unsigned car = 0;
    trains->count = 0;
    trains->loaded = 0;
    // Each client has its turn. A program that asks by several sockets and finds answers at one of
    // them only goes to sleep as soon as it has taken them, and to wake it is dear.
    while (car < batch->out_count) {
        for (unsigned client = 0; client < clients; client++)
            car += couple_longest(trains, batch, trains->clients + client, car);
    }
    return trains->count;
}
