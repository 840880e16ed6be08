#ifndef CCHECKSUM_H
#define CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `count` bytes, continuing from `crc`.
///
/// Start with 0. Uses the processor's instruction where it has one.
uint32_t checksum_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same by tables, whatever the processor can do: the other's second opinion in tests.
uint32_t checksum_crc32c_tables(uint32_t crc, const void *bytes, size_t count);

/// Continues `crc` with two 64-bit words and one 32-bit word, as little-endian bytes.
uint32_t checksum_crc32c_words(uint32_t crc, uint64_t first, uint64_t second, uint32_t third);

/// Stores a word so that whoever sees it also sees every store made before.
static inline void checksum_store_release(void *word, uint32_t value) {
    __atomic_store_n((uint32_t *)word, value, __ATOMIC_RELEASE);
}

/// The same for 64 bits.
static inline void checksum_store_release_wide(void *word, uint64_t value) {
    __atomic_store_n((uint64_t *)word, value, __ATOMIC_RELEASE);
}

#endif
