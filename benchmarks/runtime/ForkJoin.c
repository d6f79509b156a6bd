/* Latency of one fork and join of the runtime's thread pool, in nanoseconds.
 *
 *   fork-join [max threads]
 *
 * Per number of threads, unpinned and pinned:
 *   together  tasks that wait until all have begun, so that each needs its own thread: the latency
 *             itself. On a busy machine it shows the scheduler's time slices.
 *   work      tasks of 10 us each: what a kernel costs, ideally 10000. The pool may run tasks that
 *             no worker has begun in the caller, so that a busy machine costs little.
 *   asleep    the same after a pause in which the workers fall asleep. */
#include "runtime/internal.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 3000, PAUSED_ROUNDS = 200 };

typedef struct barrier {
  int64_t expected;
  _Atomic int64_t begun;
} barrier;

static void work(void *data, int64_t task, int worker) {
  int64_t begin = tn_now();
  while (tn_now() - begin < 10000)
    __builtin_ia32_pause();
}

static void wait_for_all(void *data, int64_t task, int worker) {
  barrier *b = data;
  atomic_fetch_add(&b->begun, 1);
  while (atomic_load(&b->begun) < b->expected)
    __builtin_ia32_pause();
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void measure(tn_pool *pool, int threads, tn_task_fn fn, long pause_ns, const char *label) {
  static int64_t times[ROUNDS];
  const struct timespec pause = {0, pause_ns};
  int rounds = pause_ns ? PAUSED_ROUNDS : ROUNDS;
  for (int i = 0; i < rounds; ++i) {
    if (pause_ns)
      nanosleep(&pause, NULL);
    barrier all = {threads, 0};
    int64_t begin = tn_now();
    tn_pool_run(pool, fn, &all, threads);
    times[i] = tn_now() - begin;
  }
  qsort(times, (size_t)rounds, sizeof times[0], ascending);
  printf(" | %s median %6lld p99 %8lld", label, (long long)times[rounds / 2],
         (long long)times[rounds * 99 / 100]);
}

static void measure_pool(int threads, const int *cpus) {
  tn_pool *pool = tn_pool_create(threads, cpus);
  if (!pool)
    return;
  tn_pool_begin_run(pool);
  printf("%2d threads, %-8s", threads, cpus ? "pinned" : "unpinned");
  measure(pool, threads, wait_for_all, 0, "together");
  measure(pool, threads, work, 0, "work");
  measure(pool, threads, work, 500000, "asleep");
  printf("\n");
  fflush(stdout);
  tn_pool_end_run(pool);
  tn_pool_free(pool);
}

int main(int argc, char **argv) {
  const int *cpus;
  int available = tn_cpus(&cpus, NULL);
  int most = argc > 1 ? (int)strtol(argv[1], NULL, 10) : available;
  for (int threads = 1; threads <= most; threads *= 2)
    measure_pool(threads, NULL);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[0], &set);
  sched_setaffinity(0, sizeof set, &set);
  for (int threads = 1; threads <= most && threads <= available; threads *= 2)
    measure_pool(threads, cpus);
  return 0;
}
