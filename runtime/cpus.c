/* Which CPUs to use, and how many threads are worth having.
 *
 * Two hyper-threads of one core share its vector units, which is all that matters here: so threads
 * are counted by cores, and pinning fills all cores before it doubles up. A container's CPU quota
 * does not show in the affinity mask; more threads than the quota allows get the whole process
 * stopped for the rest of each period, hence the look into the control group. */
#include "runtime/internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int cpus[CPU_SETSIZE];
static int num_cpus, num_cores;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Reads the beginning of a small file; empty if there is none. */
static void read_text(const char *path, char *text, size_t size) {
  text[0] = 0;
  FILE *file = fopen(path, "re");
  if (!file)
    return;
  if (!fgets(text, (int)size, file))
    text[0] = 0;
  fclose(file);
}

/* The lowest-numbered hyper-thread of the CPU's core; the CPU itself if unknown. */
static int core_of(int cpu) {
  char path[96];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  char text[64], *end;
  read_text(path, text, sizeof text);
  long first = strtol(text, &end, 10);
  return end == text ? cpu : (int)first;
}

static void find_cpus(void) {
  cpu_set_t allowed, seen;
  CPU_ZERO(&seen);
  // The process's first thread: the calling one may have been pinned by an earlier context.
  if (sched_getaffinity(getpid(), sizeof allowed, &allowed)) {
    CPU_ZERO(&allowed);
    CPU_SET(0, &allowed);
  }
  int later[CPU_SETSIZE], num_later = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed))
      continue;
    int core = core_of(cpu);
    bool known = core >= 0 && core < CPU_SETSIZE;
    if (known && CPU_ISSET(core, &seen)) {
      later[num_later++] = cpu;
      continue;
    }
    if (known)
      CPU_SET(core, &seen);
    cpus[num_cpus++] = cpu;
  }
  num_cores = num_cpus;
  for (int i = 0; i < num_later; ++i)
    cpus[num_cpus++] = later[i];
}

int tn_cpus(const int **list, int *cores) {
  pthread_once(&once, find_cpus);
  if (list)
    *list = cpus;
  if (cores)
    *cores = num_cores;
  return num_cpus;
}

/* CPUs' worth of time that the control group may use; 0: no limit is known. */
static int quota(void) {
  char text[64], *period_text, *end;
  read_text("/sys/fs/cgroup/cpu.max", text, sizeof text);
  long long time = strtoll(text, &period_text, 10); // "max": no number, 0
  long long period = strtoll(period_text, &end, 10);
  return time > 0 && period > 0 ? (int)((time + period - 1) / period) : 0;
}

int tn_default_threads(void) {
  int cores;
  tn_cpus(NULL, &cores);
  int limit = quota();
  return limit > 0 && limit < cores ? limit : cores;
}
