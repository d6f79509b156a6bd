// Between Python's lists, dicts and None and the runtime's sequences, maps and optionals. Tensors
// inside are arrays, read in place as any input (Arrays.h).
#ifndef TENON_PYTHON_VALUES_H
#define TENON_PYTHON_VALUES_H

#include "python/src/Arrays.h"
#include <deque>

namespace tenon::python {

/// What an input or output is, e.g. "tensor", "optional(sequence)", "sequence(map)".
std::string getKindName(const tenon_tensor_info &info);

/// An input of any kind and how the runtime sees it.
class ValueFeed {
public:
  /// Throws TypeError or ValueError, naming the input and the element, unless `value` is as the
  /// signature says: an array, a list or tuple of them, None or what an optional holds, or a dict
  /// from int to numbers.
  ValueFeed(const tenon_tensor_info &info, nanobind::handle value);
  const tenon_value &value() const { return root; }

private:
  tenon_value build(nanobind::handle value, int32_t depth, const std::string &name);
  tenon_value buildTensor(nanobind::handle array, const std::string &name);
  tenon_value makeList(std::vector<tenon_value> elements, int32_t kind);
  tenon_value buildList(nanobind::handle list, int32_t depth, const std::string &name);
  tenon_value buildMap(nanobind::handle dict, const std::string &name);
  const tenon_tensor &hold(const std::string &name, int32_t dtype, nanobind::handle array);

  const tenon_tensor_info &info;
  /// What the view refers to stays where it is.
  std::deque<std::string> names;
  std::deque<Feed> feeds;
  std::deque<tenon_tensor> tensors;
  std::deque<std::vector<tenon_value>> lists;
  tenon_value root;
};

/// A new object with a value's contents: an array, a list, None or what an optional holds, or a
/// dict.
nanobind::object copyToObject(const tenon_value &value);

} // namespace tenon::python

#endif // TENON_PYTHON_VALUES_H
