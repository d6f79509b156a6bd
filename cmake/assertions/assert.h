// assert() for builds with assertions, found before the C library's header.
//
// Debian's LLVM is built without assertions, and where NDEBUG is missing some classes in its
// headers have members that its libraries do not know. So NDEBUG stays defined, except while
// assert() is: our code asserts, and so does what is compiled of LLVM's headers.
#undef NDEBUG
#include_next <assert.h>
#define NDEBUG 1
