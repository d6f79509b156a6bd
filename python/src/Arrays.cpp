// numpy is used through Python attributes rather than its C headers: they cover every dtype, also
// ml_dtypes' bfloat16 and fp8, and tie the module to no version of numpy. Two of them are enough
// for an array that is as it should be: `dtype`, which numpy has one object of for each type, and
// `__array_struct__`, which is a structure of C that will never change. They take 0.1 us together,
// where the names of dtypes alone take 3. All that is looked up by name is looked up once.
#include "python/src/Arrays.h"
#include <algorithm>
#include <array>
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
  case TENON_FLOAT4E2M1:
    return "float4_e2m1fn";
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

/// Elements of less than a byte are packed for the runtime, and bytes in arrays.
static bool isPacked(int32_t dtype) { return tenon_dtype_bits(dtype) < 8; }

bool isLaidOutAlike(int32_t dtype) { return dtype != TENON_STRING && !isPacked(dtype); }

static std::vector<uint8_t> pack(int32_t dtype, const uint8_t *elements, size_t count) {
  unsigned bits = tenon_dtype_bits(dtype), perByte = 8 / bits, mask = (1u << bits) - 1;
  std::vector<uint8_t> packed((count + perByte - 1) / perByte);
  for (size_t i = 0; i < count; ++i)
    packed[i / perByte] |= (elements[i] & mask) << i % perByte * bits;
  return packed;
}

static void unpack(const tenon_tensor &tensor, uint8_t *elements, size_t count) {
  unsigned bits = tenon_dtype_bits(tensor.dtype), perByte = 8 / bits, mask = (1u << bits) - 1;
  bool isSigned = tensor.dtype == TENON_INT4 || tensor.dtype == TENON_INT2;
  unsigned sign = isSigned ? 1u << (bits - 1) : 0;
  auto *packed = static_cast<const uint8_t *>(tensor.data);
  for (size_t i = 0; i < count; ++i)
    elements[i] = ((packed[i / perByte] >> i % perByte * bits & mask) ^ sign) - sign;
}

namespace {

/// What is used of numpy, and names of attributes as Python's strings. Never destroyed: the
/// interpreter ends before static objects do.
struct Numpy {
  nb::module_ module = nb::module_::import_("numpy");
  nb::object arrayType = module.attr("ndarray"), empty = module.attr("empty");
  nb::str dtype = nb::str("dtype"), arrayStruct = nb::str("__array_struct__");
  std::array<nb::object, TENON_INT2 + 1> dtypes; // those that were looked up

  static Numpy &get() {
    static auto *numpy = new Numpy;
    return *numpy;
  }
  nb::handle getDtype(int32_t number);
};

/// What `__array_struct__` holds: PyArrayInterface in numpy's description of the array interface.
struct ArrayInterface {
  enum Flags { Contiguous = 0x1, Aligned = 0x100, NotSwapped = 0x200, Writeable = 0x400 };

  int two, rank;
  char kind;
  int itemBytes, flags;
  Py_intptr_t *dims, *strides;
  void *data;
  PyObject *description;
};

/// The structure of an array, as long as this object lives.
class ArrayView {
public:
  explicit ArrayView(nb::handle array)
      : capsule(nb::steal(PyObject_GetAttr(array.ptr(), Numpy::get().arrayStruct.ptr()))) {
    void *structure = capsule.is_valid() ? PyCapsule_GetPointer(capsule.ptr(), nullptr) : nullptr;
    if (!structure)
      throw nb::python_error();
    interface = static_cast<const ArrayInterface *>(structure);
  }
  const ArrayInterface *operator->() const { return interface; }

  size_t countBytes() const {
    size_t bytes = interface->itemBytes;
    for (int i = 0; i < interface->rank; ++i)
      bytes *= interface->dims[i];
    return bytes;
  }
  std::vector<int64_t> getDims() const {
    return {interface->dims, interface->dims + interface->rank};
  }

private:
  nb::object capsule;
  const ArrayInterface *interface;
};

} // namespace

/// The object that numpy's (or ml_dtypes') name stands for.
nb::handle Numpy::getDtype(int32_t number) {
  nb::object &known = dtypes.at(number);
  if (known.is_valid())
    return known;
  std::string name = getNumpyName(number);
  // numpy learns of these when ml_dtypes is imported.
  if (number == TENON_BFLOAT16 || name.rfind("float8", 0) == 0 || isPacked(number))
    known = module.attr("dtype")(nb::module_::import_("ml_dtypes").attr(name.c_str()));
  else
    known = module.attr("dtype")(name);
  return known;
}

/// The beginning of messages: "input 'x': ".
static std::string quote(const char *what, const char *name) {
  return std::string(what) + " '" + name + "': ";
}

static std::string getText(nb::handle value) { return nb::str(value).c_str(); }
static std::string getShapeText(const std::vector<int64_t> &dims) {
  nb::list shape;
  for (int64_t dim : dims)
    shape.append(dim);
  return getText(nb::tuple(shape));
}
static std::string getTypeName(nb::handle value) { return getText(value.type().attr("__name__")); }

/// Throws unless an array's dtype is as good as the one that numpy has for `info`: the same in
/// another object, or text of a fixed length for strings.
static void checkDtype(const char *what, const tenon_tensor_info &info, nb::handle found) {
  std::string name = nb::cast<std::string>(found.attr("name")), wanted = getNumpyName(info.dtype);
  bool isText = info.dtype == TENON_STRING && nb::cast<std::string>(found.attr("kind")) == "U";
  if (name != wanted && !isText)
    throw nb::type_error(
        (quote(what, info.name) + "expected dtype " + wanted + ", found " + name).c_str());
  if (!isText)
    Numpy::get().getDtype(info.dtype); // so that the next array passes without names
}

/// Throws unless the array, an input or output (`what`), is in memory as the model's tensors are.
static ArrayView checkLayout(const char *what, const tenon_tensor_info &info, nb::handle value) {
  Numpy &numpy = Numpy::get();
  if (!nb::isinstance(value, numpy.arrayType))
    throw nb::type_error((quote(what, info.name) +
                          "expected a numpy.ndarray, or what has __dlpack__, found " +
                          getTypeName(value))
                             .c_str());
  nb::object dtype = value.attr(numpy.dtype);
  if (!dtype.is(numpy.dtypes.at(info.dtype)))
    checkDtype(what, info, dtype);
  ArrayView view(value);
  if (!(view->flags & ArrayInterface::NotSwapped))
    throw nb::type_error(
        (quote(what, info.name) + "the array's bytes are in foreign order").c_str());
  if (!(view->flags & ArrayInterface::Contiguous))
    throw nb::value_error(
        (quote(what, info.name) + "expected a C-contiguous array, found strides " +
         getText(value.attr("strides")) + " for shape " + getText(value.attr("shape")) +
         "; numpy.ascontiguousarray makes a copy that fits")
            .c_str());
  if (!(view->flags & ArrayInterface::Aligned))
    throw nb::value_error((quote(what, info.name) + "the array's data is not aligned").c_str());
  return view;
}

/// Whether an object is another library's array.
static bool isForeign(nb::handle value) {
  return !nb::isinstance(value, Numpy::get().arrayType) && offersMemory(value);
}

void *getData(nb::handle array) { return ArrayView(array)->data; }

/// Bytes that are no UTF-8 are lone surrogates in Python's strings, as in its names of files.
static constexpr const char *badBytes = "surrogateescape";

static std::string encode(nb::handle string) {
  nb::object bytes = nb::steal(PyUnicode_AsEncodedString(string.ptr(), "utf-8", badBytes));
  char *data = nullptr;
  Py_ssize_t size = 0;
  if (!bytes.is_valid() || PyBytes_AsStringAndSize(bytes.ptr(), &data, &size))
    throw nb::python_error();
  return std::string(data, size);
}

static nb::object decode(const tenon_string &string) {
  nb::object text =
      nb::steal(PyUnicode_DecodeUTF8(string.data, static_cast<Py_ssize_t>(string.bytes), badBytes));
  if (!text.is_valid())
    throw nb::python_error();
  return text;
}

static tenon_tensor makeRoom(void *data, size_t bytes) {
  tenon_tensor tensor = {};
  tensor.data = data;
  tensor.capacity = bytes;
  return tensor;
}

tenon_tensor getRoom(nb::handle array) {
  ArrayView view(array);
  return makeRoom(view->data, view.countBytes());
}

Feed::Feed(const tenon_tensor_info &info, nb::handle value)
    : array(nb::borrow(value)), name(info.name), dtype(info.dtype) {
  if (isForeign(value)) {
    foreign.emplace("input", info, value, /*isWritten=*/false);
    dims = foreign->getDims();
    data = foreign->getData();
    bytes = foreign->countBytes();
    memory = foreign->getMemory();
    return;
  }
  ArrayView view = checkLayout("input", info, value);
  dims = view.getDims();
  if (isPacked(dtype)) {
    packed = pack(dtype, static_cast<const uint8_t *>(view->data), view.countBytes());
    data = packed.data();
    bytes = packed.size();
  } else if (dtype == TENON_STRING) {
    readStrings();
  } else {
    data = view->data;
    bytes = view.countBytes();
  }
}

void Feed::readStrings() {
  strings.clear();
  views.clear();
  for (nb::handle element : array.attr("ravel")().attr("tolist")()) {
    if (!nb::isinstance<nb::str>(element))
      throw nb::type_error((quote("input", name.c_str()) + "expected elements of type str, found " +
                            getTypeName(element))
                               .c_str());
    strings.push_back(encode(element));
  }
  for (const std::string &string : strings)
    views.push_back({string.data(), string.size()});
  data = views.data();
  bytes = views.size() * sizeof(tenon_string);
}

tenon_tensor Feed::tensor() const {
  return {dtype, static_cast<int32_t>(dims.size()), dims.data(), data, bytes, 0, memory, 0};
}

Destination::Destination(const tenon_tensor_info &info, nb::handle value)
    : array(nb::borrow(value)), name(info.name) {
  if (!isLaidOutAlike(info.dtype))
    throw nb::type_error(
        (quote("output", info.name) +
         (isPacked(info.dtype) ? getNumpyName(info.dtype) + " elements" : "strings") +
         " are not written to a given array")
            .c_str());
  take(info, value);
  bool fits = dims.size() == static_cast<size_t>(info.rank);
  for (int32_t i = 0; i < info.rank && fits; ++i)
    fits = info.dims[i].value < 0 || info.dims[i].value == dims[i];
  if (!fits)
    throw nb::value_error((quote("output", info.name) + "expected an array of shape " +
                           getText(getShape(info)) + ", found " + getShapeText(dims))
                              .c_str());
}

void Destination::take(const tenon_tensor_info &info, nb::handle value) {
  if (isForeign(value)) {
    foreign.emplace("output", info, value, /*isWritten=*/true);
    dims = foreign->getDims();
    data = foreign->getData();
    bytes = foreign->countBytes();
    memory = foreign->getMemory();
    return;
  }
  ArrayView view = checkLayout("output", info, value);
  if (!(view->flags & ArrayInterface::Writeable))
    throw nb::value_error((quote("output", info.name) + "the array is read-only").c_str());
  dims = view.getDims();
  data = view->data;
  bytes = view.countBytes();
}

tenon_tensor Destination::tensor() const {
  tenon_tensor tensor = makeRoom(data, bytes);
  tensor.memory = memory;
  return tensor;
}

std::string Destination::describeMisfit(const tenon_tensor &output) const {
  if (std::equal(dims.begin(), dims.end(), output.dims, output.dims + output.rank))
    return "";
  return quote("output", name.c_str()) + "expected an array of shape " +
         getShapeText({output.dims, output.dims + output.rank}) + ", found " + getShapeText(dims);
}

nb::object makeArray(int32_t dtype, nb::handle shape) {
  Numpy &numpy = Numpy::get();
  return numpy.empty(shape, numpy.getDtype(dtype));
}

nb::object copyToArray(const tenon_tensor &tensor) {
  nb::list shape;
  for (int32_t i = 0; i < tensor.rank; ++i)
    shape.append(tensor.dims[i]);
  nb::object array = makeArray(tensor.dtype, nb::tuple(shape));
  if (tensor.dtype == TENON_STRING) {
    nb::object flat = array.attr("reshape")(-1);
    auto *strings = static_cast<const tenon_string *>(tensor.data);
    for (size_t i = 0; i < tensor.bytes / sizeof(tenon_string); ++i)
      flat[nb::int_(i)] = decode(strings[i]);
  } else if (isPacked(tensor.dtype)) {
    ArrayView view(array);
    unpack(tensor, static_cast<uint8_t *>(view->data), view.countBytes());
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
