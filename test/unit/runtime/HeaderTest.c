/* runtime.h compiles as strict C99 without any other header before it. */
#include "tenon/runtime.h"

tenon_status use(tenon_model *model);
tenon_status use(tenon_model *model) {
  tenon_context *context;
  return tenon_context_create(model, NULL, &context);
}
