/* A model of another version of the interface: behind the version nothing is as this one has it,
 * and whoever reads on finds impossible sizes and pointers. */
#include "model.h"

__attribute__((visibility("default"))) const struct {
  char magic[8];
  uint32_t abi_version;
  uint32_t unknown[8];
} tenon_model = {
    .magic = MODEL_MAGIC, .abi_version = MODEL_ABI_VERSION, .unknown = {~0u, ~0u, ~0u, ~0u, ~0u}};
