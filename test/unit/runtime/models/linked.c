/* The add model as an object that is linked into the program. */
#define MODEL_SYMBOL tenon_model_linked
#include "add.c"
