/* Fork and join in about a microsecond, without ruin where cores are shared.
 *
 * Task i of a launch belongs to worker i; worker 0 is the thread that calls. Each worker has one
 * word, on a cache line of its own, that is both its mailbox and its futex:
 *
 *   from       to         by       when
 *   IDLE       POSTED     caller   it has a task for the worker
 *   SLEEPING   POSTED     caller   the same, and the worker has to be woken
 *   POSTED     RUNNING    worker   it begins
 *   RUNNING    IDLE       worker   it is done
 *   RUNNING    AWAITED    caller   has waited long and goes to sleep
 *   AWAITED    IDLE       worker   it is done, and wakes the caller
 *   POSTED     IDLE       caller   takes the task back and runs it itself
 *   POSTED     SLEEPING   caller   the same, if the worker was asleep when the task was posted
 *   IDLE       SLEEPING   worker   has waited long and goes to sleep
 *   SLEEPING   IDLE       worker   woke up without a task
 *
 * Every transition is one atomic exchange or compare-exchange, so that no wake-up can be lost.
 *
 * A worker spins for a while for its next task, since the next kernel usually follows within
 * microseconds, then sleeps. A caller that has done its own task takes back those that nobody has
 * begun: a worker that sleeps or has lost its core costs parallelism, never a scheduler's time
 * slice. (It also keeps a forked child, which has no workers, correct.) Which thread computes a
 * task has no influence on its result.
 *
 * To wake a thread costs 5 us on a virtual machine: the caller wakes one, every worker that begins
 * wakes two more.
 *
 * Spinning unpinned threads on a virtual machine with fewer real cores cost 8 ms per fork and join;
 * so a spin offers its core by sched_yield after a microsecond, ends at once if the offer was
 * taken, and is short when the pools that run at the moment have more threads than there are cores.
 */
#include "runtime/internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum state { IDLE, SLEEPING, POSTED, RUNNING, AWAITED, EXIT };

enum { CACHE_LINE = 128 }; // Two lines: neighbours are prefetched in pairs.

/* Spin times in nanoseconds. */
enum { SPIN_QUIETLY = 1000, SPIN = 100000, SPIN_SHARED = 2000, YIELD_TAKEN = 5000 };

typedef struct worker {
  _Alignas(CACHE_LINE) _Atomic uint32_t state;
  tn_pool *pool;
  int index;
  int cpu;     /* to stay on; -1: any */
  bool asleep; /* when its current task was posted; the caller's */
  pthread_t thread;
} worker;

struct tn_pool {
  /* The current launch: written by the caller while no worker runs. */
  _Alignas(CACHE_LINE) tn_task_fn fn;
  void *data;
  int *sleepers;            /* the workers to be woken for it */
  _Atomic int num_sleepers; /* stored when the list is complete */
  _Atomic int next_sleeper;

  int threads;
  int cpus;         /* that the process may use */
  pid_t process;    /* that has the workers; not a forked child */
  worker workers[]; /* the first one, the caller, is unused */
};

/* Threads of all pools that are in a run. */
static _Atomic int running_threads;

static void futex(_Atomic uint32_t *word, int operation, uint32_t value) {
  syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void relax(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield" ::: "memory");
#else
  __asm__ volatile("" ::: "memory");
#endif
}

static bool cores_are_short(const tn_pool *pool) {
  return atomic_load_explicit(&running_threads, memory_order_relaxed) > pool->cpus;
}

/* Waits until the worker's word is no longer `value`; false if it still is when it is time to
 * sleep. */
static bool spin_while(worker *w, uint32_t value) {
  _Atomic uint32_t *word = &w->state;
  for (int i = 0; i < 32; ++i) {
    if (atomic_load_explicit(word, memory_order_acquire) != value)
      return true;
    relax();
  }
  int64_t begin = tn_now();
  int64_t limit = cores_are_short(w->pool) ? SPIN_SHARED : SPIN;
  for (;;) {
    for (int i = 0; i < 16; ++i) {
      if (atomic_load_explicit(word, memory_order_acquire) != value)
        return true;
      relax();
    }
    int64_t now = tn_now();
    if (now - begin < SPIN_QUIETLY)
      continue;
    sched_yield();
    if (now - begin >= limit || tn_now() - now > YIELD_TAKEN)
      break;
  }
  return atomic_load_explicit(word, memory_order_acquire) != value;
}

/* Returns when there is a task to run; false: the pool ends. */
static bool take_task(worker *self) {
  for (;;) {
    uint32_t state = atomic_load_explicit(&self->state, memory_order_acquire);
    switch (state) {
    case POSTED:
      if (atomic_compare_exchange_strong(&self->state, &state, RUNNING))
        return true;
      break;
    case EXIT:
      return false;
    case SLEEPING:
      futex(&self->state, FUTEX_WAIT, SLEEPING);
      atomic_compare_exchange_strong(&self->state, &state, IDLE);
      break;
    default:
      if (!spin_while(self, IDLE))
        atomic_compare_exchange_strong(&self->state, &state, SLEEPING);
    }
  }
}

/* Wakes the next sleeper of the launch, if there is one. */
static void wake_next(tn_pool *pool) {
  int count = atomic_load_explicit(&pool->num_sleepers, memory_order_acquire);
  if (atomic_load_explicit(&pool->next_sleeper, memory_order_relaxed) >= count)
    return;
  int next = atomic_fetch_add_explicit(&pool->next_sleeper, 1, memory_order_relaxed);
  if (next < count)
    futex(&pool->workers[pool->sleepers[next]].state, FUTEX_WAKE, 1);
}

static void *work(void *argument) {
  worker *self = argument;
  tn_fp_enter();
  if (self->cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(self->cpu, &set);
    sched_setaffinity(0, sizeof set, &set); // Where it is refused, the thread just moves.
  }
  while (take_task(self)) {
    wake_next(self->pool);
    wake_next(self->pool);
    self->pool->fn(self->pool->data, self->index, self->index);
    if (atomic_exchange(&self->state, IDLE) == AWAITED)
      futex(&self->state, FUTEX_WAKE, 1);
  }
  return NULL;
}

/* Runs the task in this thread if its worker has not begun; else waits for the worker. */
static void finish(tn_pool *pool, worker *w) {
  uint32_t state = POSTED;
  if (atomic_compare_exchange_strong(&w->state, &state, w->asleep ? SLEEPING : IDLE)) {
    pool->fn(pool->data, w->index, 0);
    return;
  }
  while (state == RUNNING || state == AWAITED) {
    if (state == RUNNING && spin_while(w, RUNNING))
      return;
    if (state == AWAITED || atomic_compare_exchange_strong(&w->state, &state, AWAITED))
      futex(&w->state, FUTEX_WAIT, AWAITED);
    state = atomic_load_explicit(&w->state, memory_order_acquire);
  }
}

static void post_all(tn_pool *pool, tn_task_fn fn, void *data, int64_t tasks) {
  int sleepers = 0;
  pool->fn = fn;
  pool->data = data;
  atomic_store_explicit(&pool->num_sleepers, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->next_sleeper, 0, memory_order_relaxed);
  for (int i = 1; i < tasks; ++i) {
    worker *w = &pool->workers[i];
    w->asleep = atomic_exchange(&w->state, POSTED) == SLEEPING;
    if (w->asleep)
      pool->sleepers[sleepers++] = i;
  }
  if (sleepers) {
    atomic_store_explicit(&pool->num_sleepers, sleepers, memory_order_release);
    wake_next(pool);
  }
}

void tn_pool_run(tn_pool *pool, tn_task_fn fn, void *data, int64_t tasks) {
  if (tasks > 1)
    post_all(pool, fn, data, tasks);
  fn(data, 0, 0);
  // From the last one: it was told last and has most likely not begun.
  for (int64_t i = tasks - 1; i > 0; --i)
    finish(pool, &pool->workers[i]);
}

void tn_pool_begin_run(tn_pool *pool) {
  atomic_fetch_add_explicit(&running_threads, pool->threads, memory_order_relaxed);
}

void tn_pool_end_run(tn_pool *pool) {
  atomic_fetch_sub_explicit(&running_threads, pool->threads, memory_order_relaxed);
}

/* Workers take no signals: handlers belong to the program's own threads. */
static bool start_workers(tn_pool *pool, const int *cpus) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int started = 1;
  for (; started < pool->threads; ++started) {
    worker *w = &pool->workers[started];
    w->pool = pool;
    w->index = started;
    w->cpu = cpus ? cpus[started] : -1;
    if (pthread_create(&w->thread, NULL, work, w))
      break;
    char name[16];
    snprintf(name, sizeof name, "tenon-%d", started);
    pthread_setname_np(w->thread, name);
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  bool all_started = started == pool->threads;
  pool->threads = started;
  return all_started;
}

tn_pool *tn_pool_create(int threads, const int *cpus) {
  size_t bytes = sizeof(tn_pool) + (size_t)threads * sizeof(worker);
  tn_pool *pool = aligned_alloc(CACHE_LINE, bytes);
  int *sleepers = malloc((size_t)threads * sizeof *sleepers);
  if (!pool || !sleepers) {
    free(pool);
    free(sleepers);
    return NULL;
  }
  memset(pool, 0, bytes);
  pool->sleepers = sleepers;
  pool->threads = threads;
  pool->cpus = threads > 1 ? tn_cpus(NULL, NULL) : 1;
  pool->process = getpid();
  if (start_workers(pool, cpus))
    return pool;
  tn_pool_free(pool);
  return NULL;
}

static void stop_workers(tn_pool *pool) {
  for (int i = 1; i < pool->threads; ++i)
    if (atomic_exchange(&pool->workers[i].state, EXIT) == SLEEPING)
      futex(&pool->workers[i].state, FUTEX_WAKE, 1);
  for (int i = 1; i < pool->threads; ++i)
    pthread_join(pool->workers[i].thread, NULL);
}

void tn_pool_free(tn_pool *pool) {
  if (!pool)
    return;
  if (pool->process == getpid())
    stop_workers(pool);
  free(pool->sleepers);
  free(pool);
}

/* A register holds rounding mode and flush-to-zero per thread; a program built with -ffast-math
 * changes it for threads of its own. MXCSR's 0x1f80 and FPCR's 0: round to nearest, denormals kept,
 * exceptions masked. */
unsigned tn_fp_enter(void) {
#if defined(__x86_64__)
  unsigned saved = _mm_getcsr();
  if (saved != 0x1f80)
    _mm_setcsr(0x1f80);
  return saved;
#elif defined(__aarch64__)
  uint64_t saved;
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
  if (saved)
    __asm__ volatile("msr fpcr, %0" ::"r"((uint64_t)0));
  return (unsigned)saved;
#else
  return 0;
#endif
}

void tn_fp_leave(unsigned saved) {
#if defined(__x86_64__)
  if (saved != 0x1f80)
    _mm_setcsr(saved);
#elif defined(__aarch64__)
  if (saved)
    __asm__ volatile("msr fpcr, %0" ::"r"((uint64_t)saved));
#else
  (void)saved;
#endif
}
