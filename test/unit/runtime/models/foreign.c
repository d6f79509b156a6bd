/* A shared library that is no model. Loading it would run this constructor: it must not be. */
#include <stdlib.h>

__attribute__((constructor)) static void started(void) { abort(); }

__attribute__((visibility("default"))) int foreign_function(void) { return 1; }
