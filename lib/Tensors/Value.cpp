// Values of any kind (see the header).

#include "lib/Tensors/Value.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <cstring>

namespace tenon {

Value Value::copy(const tenon_value &from) {
  Value value(from.kind);
  if (from.kind == TENON_TENSOR || from.kind == TENON_MAP)
    value.tensor = Tensor::copy(from.tensor);
  if (from.kind == TENON_MAP)
    value.keys = Tensor::copy(from.keys);
  if (from.kind != TENON_SEQUENCE && from.kind != TENON_OPTIONAL)
    return value;
  for (int64_t i = 0; i < from.length; ++i) {
    tenon_value element;
    if (tenon_value_element(&from, i, &element) == TENON_OK)
      value.elements.push_back(copy(element));
  }
  return value;
}

void Value::forEachTensor(llvm::function_ref<void(Tensor &)> visit) {
  if (kind == TENON_TENSOR || kind == TENON_MAP)
    visit(tensor);
  if (kind == TENON_MAP)
    visit(keys);
  for (Value &element : elements)
    element.forEachTensor(visit);
}

tenon_value ValueView::build(Value &value) {
  tenon_value view = {};
  view.kind = value.kind;
  if (value.kind == TENON_TENSOR || value.kind == TENON_MAP)
    view.tensor = value.tensor.view();
  if (value.kind == TENON_MAP) {
    view.keys = value.keys.view();
    view.length = value.keys.numElements();
  }
  if (value.kind != TENON_SEQUENCE && value.kind != TENON_OPTIONAL)
    return view;
  std::vector<tenon_value> list;
  for (Value &element : value.elements)
    list.push_back(build(element));
  lists.push_back(std::move(list));
  view.elements = lists.back().data();
  view.length = static_cast<int64_t>(value.elements.size());
  return view;
}

static bool isSame(const Tensor &a, const Tensor &b) {
  return a.dtype == b.dtype && a.dims == b.dims && a.bytes == b.bytes && a.strings == b.strings;
}

bool isSame(const Value &a, const Value &b) {
  if (a.kind != b.kind || a.elements.size() != b.elements.size() || !isSame(a.tensor, b.tensor) ||
      !isSame(a.keys, b.keys))
    return false;
  for (size_t i = 0; i < a.elements.size(); ++i)
    if (!isSame(a.elements[i], b.elements[i]))
      return false;
  return true;
}

std::string describeValue(const Value &value) {
  switch (value.kind) {
  case TENON_TENSOR:
    return describeTensorType(value.tensor);
  case TENON_MAP:
    return "map of " + std::to_string(value.keys.numElements());
  case TENON_OPTIONAL:
    return value.elements.empty() ? "none" : "optional " + describeValue(value.elements.front());
  default:
    return "sequence of " + std::to_string(value.elements.size());
  }
}

/// The elements of a tensor of rank 1 in another order.
static Tensor reorder(const Tensor &tensor, llvm::ArrayRef<int64_t> order) {
  Tensor result = tensor;
  size_t bytes = order.empty() ? 0 : tensor.bytes.size() / order.size();
  for (auto [to, from] : llvm::enumerate(order)) {
    if (tensor.dtype == TENON_STRING)
      result.strings[to] = tensor.strings[from];
    std::copy_n(tensor.bytes.begin() + from * bytes, bytes, result.bytes.begin() + to * bytes);
  }
  return result;
}

/// A map has no order of its own.
static Value sortByKey(const Value &map) {
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, map.keys.numElements()));
  llvm::sort(order, [&](int64_t a, int64_t b) {
    if (map.keys.dtype == TENON_STRING)
      return map.keys.strings[a] < map.keys.strings[b];
    int64_t first = 0, second = 0;
    std::memcpy(&first, &map.keys.bytes[8 * a], sizeof first);
    std::memcpy(&second, &map.keys.bytes[8 * b], sizeof second);
    return first < second;
  });
  Value sorted(TENON_MAP);
  sorted.keys = reorder(map.keys, order);
  sorted.tensor = reorder(map.tensor, order);
  return sorted;
}

static Comparison compareMaps(const Value &gotMap, const Value &expectedMap,
                              const Tolerance &tolerance) {
  if (gotMap.keys.dims != expectedMap.keys.dims || gotMap.keys.dtype != expectedMap.keys.dtype)
    return compareTensors(gotMap.keys, expectedMap.keys, {});
  Value got = sortByKey(gotMap), expected = sortByKey(expectedMap);
  Comparison keys = compareTensors(got.keys, expected.keys, {});
  if (keys.equal)
    return compareTensors(got.tensor, expected.tensor, tolerance);
  keys.cause = "keys: " + keys.cause;
  return keys;
}

Comparison compareValues(const Value &got, const Value &expected, const Tolerance &tolerance) {
  if (got.kind != expected.kind || got.elements.size() != expected.elements.size()) {
    Comparison result;
    result.cause = "is " + describeValue(got) + ", expected " + describeValue(expected);
    return result;
  }
  if (expected.kind == TENON_TENSOR)
    return compareTensors(got.tensor, expected.tensor, tolerance);
  if (expected.kind == TENON_MAP)
    return compareMaps(got, expected, tolerance);
  Comparison result;
  result.equal = true;
  for (size_t i = 0; i < expected.elements.size() && result.equal; ++i) {
    result = compareValues(got.elements[i], expected.elements[i], tolerance);
    if (!result.equal)
      result.cause = "element " + std::to_string(i) + ": " + result.cause;
  }
  return result;
}

} // namespace tenon
