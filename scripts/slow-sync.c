// Makes every fdatasync of a process take longer, for measuring as if on another disk. Preloaded by scripts/slow-sync.sh.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

int fdatasync(int descriptor) {
  static int (*real)(int);
  static long microseconds;
  static __thread int is_exact;
  if (!real) {
    const char *given = getenv("SYNC_US");
    microseconds = given ? atol(given) : 0;
    real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  }
  int result = real(descriptor);
  if (!is_exact) {
    // Without this a sleep is rounded up by 50 µs.
    prctl(PR_SET_TIMERSLACK, 1UL);
    is_exact = 1;
  }
  struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};
  // The processor is free meanwhile, as it is while a disk works.
  if (microseconds > 0) nanosleep(&pause, 0);
  return result;
}
