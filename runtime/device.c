/* The table of devices. */
#include "runtime/device.h"

const tn_device_kind *tn_device_of(const tenon_variant_desc *variant, bool *known) {
  *known = true;
  switch (variant->device) {
  case TENON_DEVICE_CPU:
    return NULL;
  case TENON_DEVICE_CUDA:
    return &tn_cuda;
  default:
    *known = false;
    return NULL;
  }
}
