// Who is at which hardware address, as the kernel knows it: rtnetlink(7).
#define _GNU_SOURCE
#include "CPacketIO.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

static uint64_t octets_to_number(const uint8_t *octets, unsigned count) {
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) value = value << 8 | octets[i];
    return value;
}

static void number_to_octets(uint8_t *octets, uint64_t value, unsigned count) {
    for (unsigned i = count; i-- > 0; value >>= 8) octets[i] = (uint8_t)value;
}

int cpio_netlink_open(bool follow) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -1;
    // A whole college comes within minutes: room for some thousand changes.
    int bytes = 4 << 20;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    struct sockaddr_nl name = {.nl_family = AF_NETLINK};
    if (follow) name.nl_groups = RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

bool cpio_netlink_dump(int fd, bool own, uint32_t sequence) {
    struct {
        struct nlmsghdr header;
        union {
            struct ndmsg neighbour;
            struct ifaddrmsg address;
        } body;
    } request;
    memset(&request, 0, sizeof request);
    size_t body = own ? sizeof request.body.address : sizeof request.body.neighbour;
    request.header.nlmsg_len = NLMSG_LENGTH(body);
    request.header.nlmsg_type = own ? RTM_GETADDR : RTM_GETNEIGH;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.header.nlmsg_seq = sequence;
    return send(fd, &request, request.header.nlmsg_len, MSG_NOSIGNAL) >= 0;
}

static bool take_address(cpio_neighbour *into, int family, const struct rtattr *attribute) {
    const uint8_t *octets = RTA_DATA(attribute);
    if (family == AF_INET && RTA_PAYLOAD(attribute) == 4) {
        into->high = 0;
        into->low = 0xFFFF00000000ull | octets_to_number(octets, 4);
        return true;
    }
    if (family == AF_INET6 && RTA_PAYLOAD(attribute) == 16) {
        into->high = octets_to_number(octets, 8);
        into->low = octets_to_number(octets + 8, 8);
        return true;
    }
    return false;
}

static bool take_neighbour(cpio_neighbour *into, const struct nlmsghdr *message) {
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ndmsg))) return false;
    const struct ndmsg *body = NLMSG_DATA(message);
    // Those of a bridge's table have a hardware address alone; those that we stand in for are no
    // neighbours.
    if (body->ndm_flags & NTF_PROXY) return false;
    into->kind = message->nlmsg_type == RTM_NEWNEIGH ? CPIO_NEIGHBOUR : CPIO_NEIGHBOUR_GONE;
    into->state = body->ndm_state;
    into->interface = (uint32_t)body->ndm_ifindex;
    bool has_address = false;
    int left = (int)message->nlmsg_len - (int)NLMSG_LENGTH(sizeof *body);
    const struct rtattr *attribute =
        (const struct rtattr *)((const char *)body + NLMSG_ALIGN(sizeof *body));
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type == NDA_DST)
            has_address = take_address(into, body->ndm_family, attribute);
        if (attribute->rta_type == NDA_LLADDR && RTA_PAYLOAD(attribute) == 6)
            into->hardware = octets_to_number(RTA_DATA(attribute), 6);
    }
    return has_address;
}

static bool take_own(cpio_neighbour *into, const struct nlmsghdr *message) {
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg))) return false;
    const struct ifaddrmsg *body = NLMSG_DATA(message);
    into->kind = message->nlmsg_type == RTM_NEWADDR ? CPIO_OWN_ADDRESS : CPIO_OWN_ADDRESS_GONE;
    into->interface = body->ifa_index;
    into->prefix_bits = (uint8_t)(body->ifa_prefixlen + (body->ifa_family == AF_INET ? 96 : 0));
    bool has_address = false;
    int left = (int)message->nlmsg_len - (int)NLMSG_LENGTH(sizeof *body);
    const struct rtattr *attribute = IFA_RTA(body);
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        // Of a link between two machines IFA_ADDRESS is the other end, whose network counts.
        if (attribute->rta_type == IFA_ADDRESS)
            has_address = take_address(into, body->ifa_family, attribute);
    }
    return has_address;
}

// Whether a message says something; 0 of its kind where it does not.
static bool take_message(cpio_neighbour *into, const struct nlmsghdr *message) {
    memset(into, 0, sizeof *into);
    into->sequence = message->nlmsg_seq;
    switch (message->nlmsg_type) {
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        return take_neighbour(into, message);
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return take_own(into, message);
    case NLMSG_DONE:
        into->kind =
            message->nlmsg_flags & NLM_F_DUMP_INTR ? CPIO_DUMP_CHANGED : CPIO_DUMP_END;
        return true;
    case NLMSG_ERROR:
        into->kind = CPIO_DUMP_FAILED;
        return true;
    }
    return false;
}

int cpio_netlink_read(int fd, cpio_neighbour *into, unsigned count) {
    _Alignas(struct nlmsghdr) char buffer[CPIO_NETLINK_BYTES];
    struct sockaddr_nl from;
    socklen_t size = sizeof from;
    memset(&from, 0, sizeof from);
    ssize_t length = recvfrom(
        fd, buffer, sizeof buffer, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (length < 0) return -1;
    // Any process may write to our socket; only the kernel has number 0.
    if (from.nl_pid != 0) return 0;
    unsigned taken = 0;
    const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
    for (unsigned left = (unsigned)length; NLMSG_OK(message, left) && taken < count;
         message = NLMSG_NEXT(message, left)) {
        if (take_message(into + taken, message)) taken++;
    }
    return (int)taken;
}

bool cpio_netlink_ask(
    int fd, uint64_t high, uint64_t low, uint32_t interface, cpio_neighbour *into) {
    bool v4 = high == 0 && low >> 32 == 0xFFFF;
    unsigned octets = v4 ? 4 : 16;
    struct {
        struct nlmsghdr header;
        struct ndmsg body;
        struct rtattr attribute;
        uint8_t address[16];
    } request;
    memset(&request, 0, sizeof request);
    request.header.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof request.body) + RTA_LENGTH(octets));
    request.header.nlmsg_type = RTM_GETNEIGH;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.body.ndm_family = v4 ? AF_INET : AF_INET6;
    request.body.ndm_ifindex = (int)interface;
    request.attribute.rta_type = NDA_DST;
    request.attribute.rta_len = (uint16_t)RTA_LENGTH(octets);
    if (!v4) number_to_octets(request.address, high, 8);
    number_to_octets(request.address + (v4 ? 0 : 8), low, v4 ? 4 : 8);
    if (send(fd, &request, request.header.nlmsg_len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return false;
    _Alignas(struct nlmsghdr) char buffer[1024];
    ssize_t length = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (length < 0) return false;
    const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
    return NLMSG_OK(message, (unsigned)length) && message->nlmsg_type == RTM_NEWNEIGH
        && take_message(into, message) && into->high == high && into->low == low;
}
