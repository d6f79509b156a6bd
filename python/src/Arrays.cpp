// numpy is used through its Python attributes rather than its C headers: they cover every dtype,
// also ml_dtypes' bfloat16 and fp8, and tie the module to no version of numpy. That costs a
// microsecond or two per array, which Model.bind avoids where it matters.
#include "python/src/Arrays.h"
#include <algorithm>
#include <cstring>
#include <nanobind/stl/string.h>

namespace nb = nanobind;

namespace tenon::python {

std::string getNumpyName(int32_t dtype) {
  switch (dtype) {
  case TENON_FLOAT:
    return "float32";
  case TENON_DOUBLE:
    return "float64";
  case TENON_STRING:
    return "object";
  case TENON_FLOAT8E4M3FN:
    return "float8_e4m3fn";
  case TENON_FLOAT8E4M3FNUZ:
    return "float8_e4m3fnuz";
  case TENON_FLOAT8E5M2:
    return "float8_e5m2";
  case TENON_FLOAT8E5M2FNUZ:
    return "float8_e5m2fnuz";
  case TENON_FLOAT8E8M0:
    return "float8_e8m0fnu";
  default:
    return tenon_dtype_name(dtype); // the others have the same names
  }
}

nb::tuple getShape(const tenon_tensor_info &info) {
  nb::list shape;
  for (int32_t i = 0; i < info.rank; ++i) {
    const tenon_dim_info &dim = info.dims[i];
    if (dim.value >= 0)
      shape.append(dim.value);
    else
      shape.append(dim.symbol ? nb::object(nb::str(dim.symbol)) : nb::none());
  }
  return nb::tuple(shape);
}

/// Types that take less than a byte, which numpy has no packed form of.
static void refusePacked(const char *what, const char *name, int32_t dtype) {
  if (tenon_dtype_bits(dtype) < 8)
    throw nb::type_error((std::string(what) + " '" + name + "': dtype " + tenon_dtype_name(dtype) +
                          " has no numpy form")
                             .c_str());
}

/// The object that numpy's `name` (or ml_dtypes') stands for.
static nb::object getNumpyDtype(int32_t dtype) {
  std::string name = getNumpyName(dtype);
  nb::module_ numpy = nb::module_::import_("numpy");
  // numpy learns of these when ml_dtypes is imported.
  if (dtype == TENON_BFLOAT16 || name.rfind("float8", 0) == 0)
    return numpy.attr("dtype")(nb::module_::import_("ml_dtypes").attr(name.c_str()));
  return numpy.attr("dtype")(name);
}

/// The beginning of messages: "input 'x': ".
static std::string quote(const char *what, const char *name) {
  return std::string(what) + " '" + name + "': ";
}

static std::string getText(nb::handle value) { return nb::str(value).c_str(); }
static std::string getTypeName(nb::handle value) { return getText(value.type().attr("__name__")); }

void *getData(nb::handle array) {
  return reinterpret_cast<void *>(
      nb::cast<uintptr_t>(array.attr("__array_interface__")["data"][0]));
}

/// Throws unless the array is in memory as the model's tensors are. `quoted` begins messages.
static void checkLayout(const std::string &quoted, const tenon_tensor_info &info,
                        nb::handle value) {
  if (!nb::isinstance(value, nb::module_::import_("numpy").attr("ndarray")))
    throw nb::type_error(
        (quoted + "expected a numpy.ndarray, found " + getTypeName(value)).c_str());
  nb::object found = value.attr("dtype");
  std::string name = nb::cast<std::string>(found.attr("name")), wanted = getNumpyName(info.dtype);
  bool isText = info.dtype == TENON_STRING && nb::cast<std::string>(found.attr("kind")) == "U";
  if (name != wanted && !isText)
    throw nb::type_error((quoted + "expected dtype " + wanted + ", found " + name).c_str());
  if (!nb::cast<bool>(found.attr("isnative")))
    throw nb::type_error((quoted + "the array's bytes are in foreign order").c_str());
  nb::object flags = value.attr("flags");
  if (!nb::cast<bool>(flags["C_CONTIGUOUS"]))
    throw nb::value_error((quoted + "expected a C-contiguous array, found strides " +
                           getText(value.attr("strides")) + " for shape " +
                           getText(value.attr("shape")) +
                           "; numpy.ascontiguousarray makes a copy that fits")
                              .c_str());
  if (!nb::cast<bool>(flags["ALIGNED"]))
    throw nb::value_error((quoted + "the array's data is not aligned").c_str());
}

static std::vector<int64_t> getDims(nb::handle array) {
  std::vector<int64_t> dims;
  for (nb::handle dim : array.attr("shape"))
    dims.push_back(nb::cast<int64_t>(dim));
  return dims;
}

Feed::Feed(const tenon_tensor_info &info, nb::handle value)
    : array(nb::borrow(value)), dtype(info.dtype) {
  refusePacked("input", info.name, dtype);
  const std::string quoted = quote("input", info.name);
  checkLayout(quoted, info, value);
  dims = getDims(value);
  if (dtype == TENON_STRING) {
    for (nb::handle element : value.attr("ravel")().attr("tolist")()) {
      if (!nb::isinstance<nb::str>(element))
        throw nb::type_error(
            (quoted + "expected elements of type str, found " + getTypeName(element)).c_str());
      strings.push_back(nb::cast<std::string>(element));
    }
    for (const std::string &string : strings)
      pointers.push_back(string.c_str());
    data = static_cast<void *>(pointers.data());
    bytes = pointers.size() * sizeof(char *);
  } else {
    data = getData(value);
    bytes = nb::cast<size_t>(value.attr("nbytes"));
  }
}

tenon_tensor Feed::tensor() const {
  return {dtype, static_cast<int32_t>(dims.size()), dims.data(), data, bytes, 0};
}

Destination::Destination(const tenon_tensor_info &info, nb::handle value)
    : array(nb::borrow(value)), name(info.name) {
  refusePacked("output", info.name, info.dtype);
  const std::string quoted = quote("output", info.name);
  if (info.dtype == TENON_STRING)
    throw nb::type_error((quoted + "strings are not written to a given array").c_str());
  checkLayout(quoted, info, value);
  if (!nb::cast<bool>(value.attr("flags")["WRITEABLE"]))
    throw nb::value_error((quoted + "the array is read-only").c_str());
  dims = getDims(value);
  bool fits = dims.size() == static_cast<size_t>(info.rank);
  for (int32_t i = 0; i < info.rank && fits; ++i)
    fits = info.dims[i].value < 0 || info.dims[i].value == dims[i];
  if (!fits)
    throw nb::value_error((quoted + "expected an array of shape " + getText(getShape(info)) +
                           ", found " + getText(value.attr("shape")))
                              .c_str());
  data = getData(value);
  bytes = nb::cast<size_t>(value.attr("nbytes"));
}

tenon_tensor Destination::tensor() const {
  tenon_tensor tensor = {};
  tensor.data = data;
  tensor.capacity = bytes;
  return tensor;
}

std::string Destination::describeMisfit(const tenon_tensor &output) const {
  if (std::equal(dims.begin(), dims.end(), output.dims, output.dims + output.rank))
    return "";
  nb::list shape;
  for (int32_t i = 0; i < output.rank; ++i)
    shape.append(output.dims[i]);
  return quote("output", name.c_str()) + "expected an array of shape " + getText(nb::tuple(shape)) +
         ", found " + getText(array.attr("shape"));
}

nb::object makeArray(int32_t dtype, int32_t rank, const int64_t *dims) {
  refusePacked("output of", "the model", dtype);
  nb::list shape;
  for (int32_t i = 0; i < rank; ++i)
    shape.append(dims[i]);
  return nb::module_::import_("numpy").attr("empty")(nb::tuple(shape), getNumpyDtype(dtype));
}

nb::object copyToArray(const tenon_tensor &tensor) {
  nb::object array = makeArray(tensor.dtype, tensor.rank, tensor.dims);
  if (tensor.dtype == TENON_STRING) {
    nb::object flat = array.attr("reshape")(-1);
    auto *strings = static_cast<const char *const *>(tensor.data);
    for (size_t i = 0; i < tensor.bytes / sizeof(char *); ++i)
      flat[nb::int_(i)] = nb::str(strings[i]);
  } else if (tensor.bytes) {
    std::memcpy(getData(array), tensor.data, tensor.bytes);
  }
  return array;
}

void raise(tenon_status status) {
  const char *message = tenon_last_error();
  PyObject *type = PyExc_RuntimeError;
  switch (status) {
  case TENON_WRONG_DTYPE:
    type = PyExc_TypeError;
    break;
  case TENON_INVALID_ARGUMENT:
  case TENON_INVALID_MODEL:
  case TENON_WRONG_SHAPE:
  case TENON_BUFFER_TOO_SMALL:
  case TENON_INVALID_VALUE:
    type = PyExc_ValueError;
    break;
  case TENON_FILE_ERROR:
    type = PyExc_OSError;
    break;
  case TENON_OUT_OF_MEMORY:
    type = PyExc_MemoryError;
    break;
  default:
    break;
  }
  PyErr_SetString(type, message && *message ? message : tenon_status_name(status));
  throw nb::python_error();
}

} // namespace tenon::python
