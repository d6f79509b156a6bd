// What the sanitizers are told in every program of a build with them; ASAN_OPTIONS and the like add
// to it. What they find ends a program by a signal, which no test takes for an error that it waits
// for.

#define TENON_OPTIONS __attribute__((visibility("default"), used)) const char *

TENON_OPTIONS __asan_default_options(void) {
  // Tests that ask for too much memory want NULL, as from any other allocator. LLVM's headers mark
  // what pools have not given out; its libraries, built without the sanitizer, do not unmark it.
  return "abort_on_error=1:allocator_may_return_null=1:allow_user_poisoning=0";
}

TENON_OPTIONS __ubsan_default_options(void) { return "print_stacktrace=1"; }

TENON_OPTIONS __tsan_default_options(void) { return "allocator_may_return_null=1"; }
