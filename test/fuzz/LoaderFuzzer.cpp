// Feeds the loader with damaged models, from the file to a context. Their seals are not mended:
// what is not as it was compiled must be refused before it is mapped, weights apart, and what is
// refused later would run foreign code. What lies behind the seal is fuzzed as a descriptor in
// memory, whose pointers are right and whose numbers are anything.
#include "runtime/abi.h"
#include "tenon/runtime.h"
#include "test/fuzz/FuzzFile.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <fuzzer/FuzzedDataProvider.h>
#include <vector>

using namespace tenon;

namespace {

void require(bool condition) {
  if (!condition)
    __builtin_trap();
}

/// Asks all that can be asked about a model, and makes a context where that is cheap.
void useModel(tenon_model *model) {
  for (int32_t i = 0; i < tenon_model_num_inputs(model); ++i)
    require(tenon_model_find_input(model, tenon_model_input(model, i)->name) >= 0);
  for (int32_t i = 0; i < tenon_model_num_outputs(model); ++i)
    require(tenon_model_find_output(model, tenon_model_output(model, i)->name) >= 0);
  tenon_state_info state;
  for (int32_t i = 0; i < tenon_model_num_states(model); ++i)
    require(tenon_model_state(model, i, &state) == TENON_OK &&
            tenon_model_input(model, state.input) && tenon_model_output(model, state.output));
  tenon_kernel_info info;
  for (int64_t i = 0; i < tenon_model_num_kernels(model); ++i)
    require(tenon_model_kernel(model, i, &info) == TENON_OK && info.name && info.nodes);
  if (tenon_model_workspace_size(model) < 1 << 20) {
    tenon_context_options options = {};
    options.threads = 1;
    tenon_context *context = nullptr;
    if (tenon_context_create(model, &options, &context) == TENON_OK)
      tenon_context_free(context);
  }
  tenon_model_free(model);
}

void loadFile(const uint8_t *data, size_t size) {
  fuzz::FuzzFile file(data, size);
  for (int32_t check : {0, 1}) {
    tenon_model *model = nullptr;
    tenon_load_options options = {check};
    tenon_status status = tenon_model_load_with(file.path().c_str(), &options, &model);
    require((status == TENON_OK) == (model != nullptr));
    require(model || *tenon_last_error());
    if (model)
      useModel(model);
  }
}

int32_t noRun(tenon_exec *) { return TENON_EXEC_OK; }
void noKernel(void *const *, int64_t, int64_t) {}

/// A descriptor of up to three of each thing, with more or fewer fields than the runtime knows.
/// Counts are right or negative: arrays shorter than their count cannot be told from others.
class DescriptorMaker {
public:
  explicit DescriptorMaker(FuzzedDataProvider &data) : data(data) {}

  tenon_model_desc make() {
    tenon_model_desc desc = {};
    std::memcpy(desc.magic, TENON_MAGIC, sizeof desc.magic);
    desc.abi_version = data.ConsumeBool() ? TENON_ABI_VERSION : data.ConsumeIntegral<uint32_t>();
    desc.size = size(sizeof desc);
    desc.exec_size = size(sizeof(tenon_exec));
    desc.dim_size = size(sizeof(tenon_dim_desc));
    desc.tensor_size = size(sizeof(tenon_tensor_desc));
    desc.kernel_size = size(sizeof(tenon_kernel_desc));
    desc.variant_size = size(sizeof(tenon_variant_desc));
    desc.state_size = size(sizeof(tenon_state_desc));
    desc.name = text();
    desc.compiler_version = text();
    desc.weights_checksum = data.ConsumeIntegral<uint64_t>();
    for (const char *&symbol : symbols)
      symbol = text();
    desc.symbols = orNull(symbols);
    desc.num_symbols = count();
    desc.inputs = makeTensors(desc, desc.num_inputs);
    desc.outputs = makeTensors(desc, desc.num_outputs);
    tenon_variant_desc variants[3];
    for (tenon_variant_desc &variant : variants)
      makeVariant(desc, variant);
    desc.variants = layOut(variants, desc.variant_size);
    desc.num_variants = count();
    tenon_state_desc states[3];
    for (tenon_state_desc &state : states)
      state = {data.ConsumeIntegralInRange(-1, 3), data.ConsumeIntegralInRange(-1, 3)};
    desc.states = layOut(states, desc.state_size);
    desc.num_states = data.ConsumeBool() ? 0 : count();
    for (int64_t &end : stringEnds)
      end = data.ConsumeIntegralInRange(-1, static_cast<int>(sizeof stringBytes));
    desc.string_ends = orNull(stringEnds);
    desc.string_bytes = rarely() ? nullptr : stringBytes;
    desc.num_strings = data.ConsumeBool() ? 0 : count();
    return desc;
  }

private:
  bool rarely() { return data.ConsumeIntegralInRange(0, 15) == 0; }
  int32_t count() {
    return rarely() ? data.ConsumeIntegralInRange(INT32_MIN, -1)
                    : data.ConsumeIntegralInRange(0, 3);
  }
  const char *text() { return rarely() ? nullptr : data.ConsumeBool() ? "avx2" : "x"; }
  template <typename T> const T *orNull(const T *array) { return rarely() ? nullptr : array; }

  /// The size of a structure that the runtime knows as `known` bytes.
  uint32_t size(size_t known) {
    if (rarely())
      return data.ConsumeIntegral<uint32_t>();
    return static_cast<uint32_t>(known) +
           (rarely() ? 8 * data.ConsumeIntegralInRange<uint32_t>(0, 4) - 16 : 0);
  }

  /// Elements of the given size, as far as the runtime takes sizes.
  template <typename T> const T *layOut(const T (&elements)[3], uint32_t size) {
    if (rarely() || size > 4096)
      return nullptr;
    std::vector<char> &bytes = arrays.emplace_back(3 * size + 1, '\xff');
    for (size_t i = 0; i < 3; ++i)
      std::memcpy(bytes.data() + i * size, &elements[i], std::min<size_t>(size, sizeof(T)));
    return reinterpret_cast<const T *>(bytes.data());
  }

  const tenon_tensor_desc *makeTensors(const tenon_model_desc &desc, int32_t &number) {
    tenon_dim_desc dims[3];
    for (tenon_dim_desc &dim : dims)
      dim = {rarely() ? data.ConsumeIntegral<int64_t>() : data.ConsumeIntegralInRange(-1, 3),
             rarely() ? data.ConsumeIntegral<int32_t>() : data.ConsumeIntegralInRange(-1, 2), 0};
    tenon_tensor_desc tensors[3];
    for (tenon_tensor_desc &tensor : tensors) {
      tensor = {};
      tensor.name = text();
      tensor.dtype = data.ConsumeIntegralInRange(-1, 30);
      tensor.rank = count();
      tensor.dims = layOut(dims, desc.dim_size);
      if (data.ConsumeBool())
        makeKinds(tensor);
    }
    number = count();
    return layOut(tensors, desc.tensor_size);
  }

  /// What is around a tensor, and keys that may be those of a table.
  void makeKinds(tenon_tensor_desc &tensor) {
    std::array<int32_t, 4> &kinds = kindLists.emplace_back();
    for (int32_t &kind : kinds)
      kind = data.ConsumeIntegralInRange(0, 4);
    tensor.kinds = rarely() ? nullptr : kinds.data();
    tensor.num_kinds = data.ConsumeIntegralInRange(-1, 4);
    tensor.key_dtype = data.ConsumeBool() ? TENON_INT64 : data.ConsumeIntegralInRange(-1, 9);
    tensor.num_keys = count();
    tensor.keys = orNull(symbols);
  }

  int32_t kind() { return rarely() ? data.ConsumeIntegral<int32_t>() : 0; }

  void makeVariant(const tenon_model_desc &desc, tenon_variant_desc &variant) {
    features[0] = text();
    tenon_kernel_desc kernels[3];
    for (tenon_kernel_desc &kernel : kernels)
      kernel = {kind(), 0, rarely() ? nullptr : noKernel, text(), text(), 0, 0};
    variant = {text(),
               kind(),
               0,
               orNull(features),
               rarely() ? data.ConsumeIntegral<int64_t>() : data.ConsumeIntegralInRange(0, 4096),
               rarely() ? nullptr : noRun,
               layOut(kernels, desc.kernel_size),
               count(),
               nullptr,
               rarely() ? data.ConsumeIntegral<int64_t>() : 0};
  }

  FuzzedDataProvider &data;
  const char *symbols[3], *features[2] = {nullptr, nullptr};
  const char stringBytes[6] = {'a', 'b', 'a', 'b', 'a', 'c'};
  int64_t stringEnds[3];
  std::deque<std::vector<char>> arrays;
  std::deque<std::array<int32_t, 4>> kindLists;
};

void loadDescriptor(const uint8_t *bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  DescriptorMaker maker(data);
  tenon_model_desc desc = maker.make();
  tenon_model *model = nullptr;
  tenon_status status = tenon_model_from_desc(&desc, &model);
  require((status == TENON_OK) == (model != nullptr));
  require(model || *tenon_last_error());
  if (!model)
    return;
  require(desc.abi_version == TENON_ABI_VERSION);
  useModel(model);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size >= 4 && std::memcmp(data,
                               "\x7f"
                               "ELF",
                               4) == 0)
    loadFile(data, size);
  else
    loadDescriptor(data, size);
  return 0;
}
