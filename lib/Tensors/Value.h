// A value of any of ONNX's kinds in the memory of a tool: a tensor, a sequence, an optional, a map.
#ifndef TENON_LIB_TENSORS_VALUE_H
#define TENON_LIB_TENSORS_VALUE_H

#include "lib/Tensors/Compare.h"
#include "lib/Tensors/Tensor.h"
#include <deque>

namespace tenon {

struct Value {
  int32_t kind = TENON_TENSOR; // a tenon_kind
  /// A tensor; the values of a map, of rank 1.
  Tensor tensor;
  /// The keys of a map, of rank 1.
  Tensor keys;
  /// Of a sequence; one or none of an optional.
  std::vector<Value> elements;

  Value() = default;
  Value(Tensor tensor) : tensor(std::move(tensor)) {}
  explicit Value(int32_t kind) : kind(kind) {}

  /// A copy of what the runtime gave.
  static Value copy(const tenon_value &value);

  bool isTensor() const { return kind == TENON_TENSOR; }
  /// Calls `visit` for each tensor inside.
  void forEachTensor(llvm::function_ref<void(Tensor &)> visit);
};

struct NamedValue {
  std::string name; // may be empty
  Value value;
};

/// A value as the runtime takes it; it must stay unchanged as long as this lives.
class ValueView {
public:
  explicit ValueView(Value &value) : root(build(value)) {}
  const tenon_value &get() const { return root; }

private:
  tenon_value build(Value &value);

  std::deque<std::vector<tenon_value>> lists;
  tenon_value root;
};

/// Whether two values are the same bit by bit.
bool isSame(const Value &a, const Value &b);

/// Compares kinds and lengths, then tensors; the cause says in which element they differ.
Comparison compareValues(const Value &got, const Value &expected, const Tolerance &tolerance);

/// "sequence of 3", "float[1,3,224,224]", "none".
std::string describeValue(const Value &value);

} // namespace tenon

#endif // TENON_LIB_TENSORS_VALUE_H
