#include "CChecksum.h"

#include <stdatomic.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the log's layout is little-endian"
#endif

// Table-driven, eight bytes a step. The tables are filled on first use; two threads that fill
// them at once write the same values.
static uint32_t tables[8][256];
static atomic_int tables_ready;

static void fill_tables(void) {
    if (atomic_load_explicit(&tables_ready, memory_order_acquire)) return;
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        __atomic_store_n(&tables[0][value], crc, __ATOMIC_RELAXED);
    }
    for (int table = 1; table < 8; table++) {
        for (int value = 0; value < 256; value++) {
            uint32_t below = tables[table - 1][value];
            __atomic_store_n(
                &tables[table][value], (below >> 8) ^ tables[0][below & 255], __ATOMIC_RELAXED);
        }
    }
    atomic_store_explicit(&tables_ready, 1, memory_order_release);
}

uint32_t checksum_crc32c_tables(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *p = bytes;
    fill_tables();
    crc = ~crc;
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word ^= crc;
        crc = tables[7][word & 255] ^ tables[6][(word >> 8) & 255]
            ^ tables[5][(word >> 16) & 255] ^ tables[4][(word >> 24) & 255]
            ^ tables[3][(word >> 32) & 255] ^ tables[2][(word >> 40) & 255]
            ^ tables[1][(word >> 48) & 255] ^ tables[0][word >> 56];
    }
    for (; count > 0; count--, p++) crc = (crc >> 8) ^ tables[0][(crc ^ *p) & 255];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *p = bytes;
    uint64_t wide = (uint32_t)~crc;
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    for (; count > 0; count--, p++) narrow = __builtin_ia32_crc32qi(narrow, *p);
    return ~narrow;
}

__attribute__((target("sse4.2")))
static uint32_t words_by_instruction(
    uint32_t crc, uint64_t first, uint64_t second, uint32_t third) {
    uint64_t wide = __builtin_ia32_crc32di((uint32_t)~crc, first);
    wide = __builtin_ia32_crc32di(wide, second);
    return ~__builtin_ia32_crc32si((uint32_t)wide, third);
}

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

#include <arm_acle.h>

static uint32_t by_instruction(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *p = bytes;
    crc = ~crc;
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
    }
    for (; count > 0; count--, p++) crc = __crc32cb(crc, *p);
    return ~crc;
}

static uint32_t words_by_instruction(
    uint32_t crc, uint64_t first, uint64_t second, uint32_t third) {
    return ~__crc32cw(__crc32cd(__crc32cd(~crc, first), second), third);
}

static int has_instruction(void) { return 1; }

#else

#define NO_INSTRUCTION 1

#endif

uint32_t checksum_crc32c(uint32_t crc, const void *bytes, size_t count) {
#ifndef NO_INSTRUCTION
    if (has_instruction()) return by_instruction(crc, bytes, count);
#endif
    return checksum_crc32c_tables(crc, bytes, count);
}

uint32_t checksum_crc32c_words(uint32_t crc, uint64_t first, uint64_t second, uint32_t third) {
#ifndef NO_INSTRUCTION
    if (has_instruction()) return words_by_instruction(crc, first, second, third);
#endif
    crc = checksum_crc32c_tables(crc, &first, 8);
    crc = checksum_crc32c_tables(crc, &second, 8);
    return checksum_crc32c_tables(crc, &third, 4);
}
