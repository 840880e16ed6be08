/*
 * How far apart two cores are: nanoseconds for a word of memory to go there and back.
 *
 * Two threads, one on each core, wait for each other's word. Cores that share a cache need some 80,
 * others several times as long, and so does all that a server and its clients hand to each other.
 *
 * Usage: distance CORE CORE    (prints one number, the median of some spells; takes milliseconds)
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { spell_count = 51, turns_per_spell = 500, turn_count = spell_count * turns_per_spell };

static _Alignas(128) atomic_uint word;
static int cores[2];

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set)) {
        fprintf(stderr, "distance: there is no core %d to run on\n", core);
        exit(1);
    }
}

static void *answer(void *unused) {
    (void)unused;
    pin(cores[1]);
    for (unsigned turn = 0; turn < turn_count; turn++) {
        while (atomic_load(&word) != 2 * turn + 1) {}
        atomic_store(&word, 2 * turn + 2);
    }
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_size(const void *one, const void *other) {
    double left = *(const double *)one, right = *(const double *)other;
    return (left > right) - (left < right);
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: distance CORE CORE\n");
        return 2;
    }
    for (int i = 0; i < 2; i++) cores[i] = atoi(arguments[i + 1]);
    if (cores[0] == cores[1]) {
        fprintf(stderr, "distance: two different cores are needed\n");
        return 2;
    }
    pthread_t other;
    if (pthread_create(&other, NULL, answer, NULL)) return 1;
    pin(cores[0]);
    double spells[spell_count];
    for (unsigned turn = 0, spell = 0; spell < spell_count; spell++) {
        double begun = now();
        for (unsigned end = turn + turns_per_spell; turn < end; turn++) {
            atomic_store(&word, 2 * turn + 1);
            while (atomic_load(&word) != 2 * turn + 2) {}
        }
        spells[spell] = (now() - begun) / turns_per_spell;
    }
    pthread_join(other, NULL);
    qsort(spells, spell_count, sizeof *spells, by_size);
    printf("%.0f\n", spells[spell_count / 2]);
    return 0;
}
