// Counts the memory allocations of a thread, for tests. Linking it replaces the C library's
// allocating functions in the whole process by ones that count and then do the same.
#ifndef CALLOCCOUNT_H
#define CALLOCCOUNT_H
#include <stdint.h>

// How often the calling thread has allocated memory since it began: malloc, calloc, realloc,
// aligned_alloc, memalign and posix_memalign, whoever called them.
uint64_t alloc_count_of_thread(void);

#endif
