// Values of all kinds between Python and the runtime (see the header). Maps are made of numbers
// that numpy converts; a table, which classifiers end in, is two lists of Python numbers, taken
// apart row by row.
#include "python/src/Values.h"
#include <nanobind/stl/string.h>

namespace nb = nanobind;

namespace tenon::python {

std::string getKindName(const tenon_tensor_info &info) {
  static const char *const names[] = {"tensor", "sequence", "optional", "map"};
  if (!info.num_kinds)
    return names[TENON_TENSOR];
  std::string text, closing;
  for (int32_t i = 0; i < info.num_kinds; ++i) {
    text += (i ? "(" : "") + std::string(names[info.kinds[i]]);
    closing += i ? ")" : "";
  }
  return text + closing;
}

static std::string getTypeName(nb::handle value) {
  return nb::str(value.type().attr("__name__")).c_str();
}

[[noreturn]] static void refuse(const std::string &name, const char *expected, nb::handle found) {
  throw nb::type_error(
      ("input '" + name + "': expected " + expected + ", found " + getTypeName(found)).c_str());
}

ValueFeed::ValueFeed(const tenon_tensor_info &info, nb::handle value) : info(info) {
  root = build(value, 0, info.name);
}

const tenon_tensor &ValueFeed::hold(const std::string &name, int32_t dtype, nb::handle array) {
  names.push_back(name);
  tenon_tensor_info described = {};
  described.name = names.back().c_str();
  described.dtype = dtype;
  tensors.push_back(feeds.emplace_back(described, array).tensor());
  return tensors.back();
}

tenon_value ValueFeed::buildTensor(nb::handle array, const std::string &name) {
  tenon_value value = {};
  value.tensor = hold(name, info.dtype, array);
  return value;
}

tenon_value ValueFeed::makeList(std::vector<tenon_value> elements, int32_t kind) {
  lists.push_back(std::move(elements));
  tenon_value value = {};
  value.kind = kind;
  value.length = static_cast<int64_t>(lists.back().size());
  value.elements = lists.back().data();
  return value;
}

tenon_value ValueFeed::buildList(nb::handle list, int32_t depth, const std::string &name) {
  std::vector<tenon_value> elements;
  for (nb::handle element : list)
    elements.push_back(
        build(element, depth + 1, name + "[" + std::to_string(elements.size()) + "]"));
  return makeList(std::move(elements), TENON_SEQUENCE);
}

tenon_value ValueFeed::buildMap(nb::handle dict, const std::string &name) {
  nb::module_ numpy = nb::module_::import_("numpy");
  nb::list keys, values;
  for (auto [key, element] : nb::borrow<nb::dict>(dict)) {
    keys.append(key);
    values.append(element);
  }
  auto toArray = [&](nb::list elements, int32_t dtype) {
    return numpy.attr("array")(elements, nb::arg("dtype") = getNumpyName(dtype));
  };
  tenon_value value = {};
  value.kind = TENON_MAP;
  value.length = static_cast<int64_t>(keys.size());
  value.keys = hold(name + " (keys)", info.key_dtype, toArray(keys, info.key_dtype));
  value.tensor = hold(name, info.dtype, toArray(values, info.dtype));
  return value;
}

tenon_value ValueFeed::build(nb::handle value, int32_t depth, const std::string &name) {
  switch (depth < info.num_kinds ? info.kinds[depth] : TENON_TENSOR) {
  case TENON_SEQUENCE:
    if (!nb::isinstance<nb::list>(value) && !nb::isinstance<nb::tuple>(value))
      refuse(name, "a list", value);
    return buildList(value, depth, name);
  case TENON_OPTIONAL: {
    std::vector<tenon_value> element;
    if (!value.is_none())
      element.push_back(build(value, depth + 1, name));
    return makeList(std::move(element), TENON_OPTIONAL);
  }
  case TENON_MAP:
    if (!nb::isinstance<nb::dict>(value))
      refuse(name, "a dict", value);
    return buildMap(value, name);
  default:
    return buildTensor(value, name);
  }
}

/// A tensor's elements as Python's numbers or strings, nested as deep as it has dimensions.
static nb::object toNumbers(const tenon_tensor &tensor) {
  return copyToArray(tensor).attr("tolist")();
}

static nb::dict makeDict(nb::handle keys, nb::handle values) {
  nb::dict dict;
  for (size_t i = 0; i < nb::len(keys); ++i)
    dict[keys[i]] = values[i];
  return dict;
}

static nb::object copyTable(const tenon_value &table) {
  nb::object keys = toNumbers(table.keys), rows = toNumbers(table.tensor);
  nb::list maps;
  for (nb::handle row : rows)
    maps.append(makeDict(keys, row));
  return maps;
}

nb::object copyToObject(const tenon_value &value) {
  switch (value.kind) {
  case TENON_TENSOR:
    return copyToArray(value.tensor);
  case TENON_MAP:
    return makeDict(toNumbers(value.keys), toNumbers(value.tensor));
  case TENON_OPTIONAL:
    return value.length ? copyToObject(value.elements[0]) : nb::none();
  default:
    break;
  }
  if (!value.elements && value.length)
    return copyTable(value);
  nb::list list;
  for (int64_t i = 0; i < value.length; ++i)
    list.append(copyToObject(value.elements[i]));
  return list;
}

} // namespace tenon::python
