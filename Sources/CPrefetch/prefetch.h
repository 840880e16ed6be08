// The one instruction that the look-up needs and Swift cannot spell.
#ifndef CPREFETCH_H
#define CPREFETCH_H

// Asks for the cache line at an address without waiting for it; any address is harmless.
static inline void prefetch_line(const void *address) { __builtin_prefetch(address, 0, 3); }

#endif
