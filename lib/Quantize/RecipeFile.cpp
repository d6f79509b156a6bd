// Recipes as JSON. Reading refuses what it does not know, since people edit these files; writing
// puts each entry on a line of its own, so that recipes can be compared line by line.

#include "lib/Quantize/Recipe.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <charconv>
#include <cmath>

namespace json = llvm::json;

namespace tenon::quantize {

static constexpr llvm::StringLiteral formatName = "tenon-precision";
static constexpr int64_t formatVersion = 1;

static constexpr std::pair<llvm::StringLiteral, int32_t> types[] = {
    {"int8", TENON_INT8}, {"uint8", TENON_UINT8}, {"int4", TENON_INT4}, {"uint4", TENON_UINT4}};

bool isRecipePath(llvm::StringRef path) { return path.ends_with_insensitive(".precision.json"); }

// ---- Reading

/// An object whose members all must be known.
class Fields {
public:
  Fields(const json::Value &value, json::Path path) : object(value.getAsObject()), path(path) {
    if (!object)
      path.report("expected object");
    good = object;
  }

  template <typename T> Fields &require(llvm::StringLiteral name, T &out) {
    return read(name, out, /*required=*/true);
  }
  template <typename T> Fields &allow(llvm::StringLiteral name, T &out) {
    return read(name, out, /*required=*/false);
  }

  /// Whether all were read, and there are no others.
  bool finish() {
    if (!good)
      return false;
    for (const auto &[key, value] : *object)
      if (!llvm::is_contained(known, llvm::StringRef(key))) {
        path.field(key).report("unknown member");
        return false;
      }
    return true;
  }

private:
  template <typename T> Fields &read(llvm::StringLiteral name, T &out, bool required) {
    known.push_back(name);
    if (!good)
      return *this;
    if (const json::Value *value = object->get(name)) {
      good = fromJSON(*value, out, path.field(name));
    } else if (required) {
      path.field(name).report("missing");
      good = false;
    }
    return *this;
  }

  const json::Object *object;
  json::Path path;
  bool good;
  llvm::SmallVector<llvm::StringRef> known;
};

static bool fromJSON(const json::Value &value, float &out, json::Path path) {
  double number = 0;
  if (!json::fromJSON(value, number, path))
    return false;
  out = static_cast<float>(number);
  if (std::isfinite(out))
    return true;
  path.report("expected a number that a float holds");
  return false;
}

/// A list, or a number that stands for a list of one.
template <typename T> struct OneOrMore {
  std::vector<T> &list;
};
template <typename T>
static bool fromJSON(const json::Value &value, OneOrMore<T> &out, json::Path path) {
  const json::Array *array = value.getAsArray();
  if (!array) {
    out.list.resize(1);
    return fromJSON(value, out.list.front(), path);
  }
  out.list.resize(array->size());
  for (auto [i, element] : llvm::enumerate(*array))
    if (!fromJSON(element, out.list[i], path.index(i)))
      return false;
  return true;
}

struct TypeName {
  int32_t &dtype;
};
static bool fromJSON(const json::Value &value, TypeName &out, json::Path path) {
  for (auto [name, dtype] : types)
    if (value.getAsString() == name) {
      out.dtype = dtype;
      return true;
    }
  path.report("expected int8, uint8, int4 or uint4");
  return false;
}

static bool fromJSON(const json::Value &value, NodePrecision &out, json::Path path) {
  if (std::optional<llvm::StringRef> name = value.getAsString())
    if (std::optional<NodePrecision> precision = parseNodePrecision(*name)) {
      out = *precision;
      return true;
    }
  path.report("expected fp32, bf16, f16, int8, int8-weights or int4-weights");
  return false;
}

struct Codes {
  std::vector<int8_t> &codes;
};
static bool fromJSON(const json::Value &value, Codes &out, json::Path path) {
  std::vector<char> bytes;
  std::optional<llvm::StringRef> text = value.getAsString();
  if (!text || llvm::errorToBool(llvm::decodeBase64(*text, bytes))) {
    path.report("expected bytes in base 64");
    return false;
  }
  out.codes.assign(bytes.begin(), bytes.end());
  return true;
}

/// `[LOW, HIGH]`.
struct Range {
  std::optional<double> &low, &high;
};
static bool fromJSON(const json::Value &value, Range &out, json::Path path) {
  const json::Array *array = value.getAsArray();
  std::optional<double> low, high;
  if (array && array->size() == 2) {
    low = (*array)[0].getAsNumber();
    high = (*array)[1].getAsNumber();
  }
  if (!low || !high) {
    path.report("expected two numbers");
    return false;
  }
  out.low = low;
  out.high = high;
  return true;
}

/// What lists must be like so that applying a recipe need not ask.
static bool checkLists(const TensorRecipe &tensor, json::Path path) {
  auto refuse = [&](llvm::StringRef field, llvm::StringLiteral why) {
    path.field(field).report(why);
    return false;
  };
  for (float scale : tensor.scales)
    if (!(scale > 0))
      return refuse("scale", "expected numbers above zero");
  if (!tensor.zeroPoints.empty() && tensor.zeroPoints.size() != tensor.scales.size())
    return refuse("zero_point", "expected as many numbers as scales");
  bool isSigned = tensor.dtype == TENON_INT8 || tensor.dtype == TENON_INT4;
  int64_t count = tensor.dtype == TENON_INT8 || tensor.dtype == TENON_UINT8 ? 256 : 16;
  for (int64_t zero : tensor.zeroPoints)
    if (int64_t least = isSigned ? -count / 2 : 0; zero < least || zero >= least + count)
      return refuse("zero_point", "expected numbers that the type holds");
  if (tensor.blockSize < 0 || (tensor.blockSize && !tensor.axis))
    return refuse("block_size", "expected a number above zero beside an axis");
  if (!tensor.blockSize && tensor.scales.empty())
    return refuse("scale", "missing");
  for (int64_t channel : tensor.outliers)
    if (channel < 0)
      return refuse("outliers", "expected numbers of channels");
  if (!tensor.axis && tensor.scales.size() != 1)
    return refuse("axis", "missing, as there are several scales");
  return true;
}

static bool fromJSON(const json::Value &value, TensorRecipe &out, json::Path path) {
  TypeName type{out.dtype};
  OneOrMore<float> scales{out.scales};
  OneOrMore<int64_t> zeroPoints{out.zeroPoints};
  Range range{out.low, out.high};
  Codes codes{out.codes};
  return Fields(value, path)
             .require("name", out.name)
             .require("type", type)
             .allow("axis", out.axis)
             .allow("block_size", out.blockSize)
             .allow("scale", scales)
             .allow("zero_point", zeroPoints)
             .allow("method", out.method)
             .allow("range", range)
             .allow("predicted_sqnr", out.predictedSqnr)
             .allow("measured_sqnr", out.measuredSqnr)
             .allow("codes", codes)
             .allow("outliers", out.outliers)
             .finish() &&
         checkLists(out, path);
}

static bool fromJSON(const json::Value &value, Adjustment &out, json::Path path) {
  OneOrMore<float> multiply{out.multiply}, add{out.add};
  return Fields(value, path)
      .require("tensor", out.tensor)
      .require("method", out.method)
      .allow("axis", out.axis)
      .allow("multiply", multiply)
      .allow("add", add)
      .finish();
}

static bool fromJSON(const json::Value &value, NodeRecipe &out, json::Path path) {
  return Fields(value, path)
      .require("name", out.name)
      .allow("op", out.op)
      .require("precision", out.precision)
      .allow("group", out.group)
      .allow("reason", out.reason)
      .allow("measured_sqnr", out.measuredSqnr)
      .finish();
}

static bool fromJSON(const json::Value &value, OutputLoss &out, json::Path path) {
  // No number stands for infinity in JSON: a missing one does.
  out.sqnr = INFINITY;
  return Fields(value, path)
      .require("output", out.name)
      .allow("sqnr", out.sqnr)
      .allow("cosine", out.cosine)
      .allow("relative", out.relative)
      .allow("top1", out.top1)
      .finish();
}

template <typename Entries>
static bool readEntries(const json::Value &value, Entries &out, json::Path path) {
  const json::Array *array = value.getAsArray();
  if (!array) {
    path.report("expected array");
    return false;
  }
  out.resize(array->size());
  for (auto [i, entry] : llvm::enumerate(*array))
    if (!fromJSON(entry, out[i], path.index(i)))
      return false;
  return true;
}

/// Entries, which this namespace's functions read.
template <typename T> struct Entries {
  std::vector<T> &list;
};
template <typename T>
static bool fromJSON(const json::Value &value, Entries<T> &out, json::Path path) {
  return readEntries(value, out.list, path);
}

static bool fromJSON(const json::Value &value, Recipe &out, json::Path path) {
  std::string format;
  int64_t version = 0;
  Entries<OutputLoss> predicted{out.predicted}, measured{out.measured};
  Entries<Adjustment> adjustments{out.adjustments};
  Entries<TensorRecipe> tensors{out.tensors};
  Entries<NodeRecipe> nodes{out.nodes};
  if (!Fields(value, path)
           .require("format", format)
           .require("version", version)
           .allow("model", out.model)
           .require("digest", out.digest)
           .allow("target", out.target)
           .allow("budget", out.budget)
           .allow("data", out.data)
           .allow("calibration_samples", out.calibrationSamples)
           .allow("held_back_samples", out.heldBackSamples)
           .allow("predicted", predicted)
           .allow("measured", measured)
           .allow("adjustments", adjustments)
           .allow("tensors", tensors)
           .require("nodes", nodes)
           .finish())
    return false;
  if (format != formatName)
    path.field("format").report("expected 'tenon-precision'");
  else if (version != formatVersion)
    path.field("version").report("expected 1: another Tenon wrote this file");
  else
    return true;
  return false;
}

llvm::Expected<Recipe> parseRecipe(llvm::StringRef text, llvm::StringRef name) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return llvm::createStringError(name + " is not JSON: " + llvm::toString(value.takeError()));
  json::Path::Root root("the recipe");
  Recipe recipe;
  if (!fromJSON(*value, recipe, root))
    return llvm::createStringError(name + ": " + llvm::toString(root.getError()));
  return recipe;
}

llvm::Expected<Recipe> readRecipe(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return llvm::createStringError(path + ": cannot be read: " + file.getError().message());
  return parseRecipe((*file)->getBuffer(), path);
}

// ---- Writing

/// The shortest number that is read as this one.
template <typename Number> static void writeNumber(json::OStream &out, Number number) {
  char text[64];
  std::to_chars_result end = std::to_chars(text, text + sizeof(text), number);
  out.rawValue(llvm::StringRef(text, end.ptr - text));
}

template <typename Number>
static void writeNumbers(json::OStream &out, llvm::StringRef name, const std::vector<Number> &all) {
  if (all.empty())
    return;
  out.attributeBegin(name);
  if (all.size() == 1)
    writeNumber(out, all.front());
  else
    out.array([&] {
      for (Number number : all)
        writeNumber(out, number);
    });
  out.attributeEnd();
}

static void writeNumber(json::OStream &out, llvm::StringRef name, std::optional<double> number) {
  if (!number || !std::isfinite(*number))
    return;
  out.attributeBegin(name);
  // What was measured need not be told to the last digit.
  char text[64];
  std::to_chars_result end =
      std::to_chars(text, text + sizeof(text), *number, std::chars_format::general, 6);
  out.rawValue(llvm::StringRef(text, end.ptr - text));
  out.attributeEnd();
}

static void writeText(json::OStream &out, llvm::StringRef name, llvm::StringRef text) {
  if (!text.empty())
    out.attribute(name, json::fixUTF8(text));
}

static void write(json::OStream &out, const TensorRecipe &tensor) {
  writeText(out, "name", tensor.name);
  for (auto [name, dtype] : types)
    if (dtype == tensor.dtype)
      writeText(out, "type", name);
  if (tensor.axis)
    out.attribute("axis", *tensor.axis);
  if (tensor.blockSize)
    out.attribute("block_size", tensor.blockSize);
  writeNumbers(out, "scale", tensor.scales);
  writeNumbers(out, "zero_point", tensor.zeroPoints);
  writeText(out, "method", tensor.method);
  if (tensor.low && tensor.high) {
    out.attributeBegin("range");
    out.array([&] {
      writeNumber(out, static_cast<float>(*tensor.low));
      writeNumber(out, static_cast<float>(*tensor.high));
    });
    out.attributeEnd();
  }
  writeNumber(out, "predicted_sqnr", tensor.predictedSqnr);
  writeNumber(out, "measured_sqnr", tensor.measuredSqnr);
  if (!tensor.codes.empty())
    writeText(out, "codes", llvm::encodeBase64(tensor.codes));
  if (!tensor.outliers.empty()) {
    out.attributeBegin("outliers");
    out.array([&] {
      for (int64_t channel : tensor.outliers)
        writeNumber(out, channel);
    });
    out.attributeEnd();
  }
}

static void write(json::OStream &out, const Adjustment &adjustment) {
  writeText(out, "tensor", adjustment.tensor);
  writeText(out, "method", adjustment.method);
  out.attribute("axis", adjustment.axis);
  writeNumbers(out, "multiply", adjustment.multiply);
  writeNumbers(out, "add", adjustment.add);
}

static void write(json::OStream &out, const NodeRecipe &node) {
  writeText(out, "name", node.name);
  writeText(out, "op", node.op);
  writeText(out, "precision", getName(node.precision));
  if (node.group)
    out.attribute("group", *node.group);
  writeText(out, "reason", node.reason);
  writeNumber(out, "measured_sqnr", node.measuredSqnr);
}

static void write(json::OStream &out, const OutputLoss &loss) {
  writeText(out, "output", loss.name);
  writeNumber(out, "sqnr", loss.sqnr);
  writeNumber(out, "cosine", loss.cosine);
  writeNumber(out, "relative", loss.relative);
  writeNumber(out, "top1", loss.top1);
}

/// A list with an entry per line.
template <typename T>
static void writeEntries(json::OStream &out, llvm::StringRef name, const std::vector<T> &entries) {
  if (entries.empty())
    return;
  out.attributeBegin(name);
  out.array([&] {
    for (const T &entry : entries) {
      std::string line;
      llvm::raw_string_ostream stream(line);
      json::OStream compact(stream);
      compact.object([&] { write(compact, entry); });
      out.rawValue(line);
    }
  });
  out.attributeEnd();
}

std::string formatRecipe(const Recipe &recipe) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream out(stream, /*IndentSize=*/2);
  out.object([&] {
    writeText(out, "format", formatName);
    out.attribute("version", formatVersion);
    writeText(out, "model", recipe.model);
    writeText(out, "digest", recipe.digest);
    writeText(out, "target", recipe.target);
    writeText(out, "budget", recipe.budget);
    writeText(out, "data", recipe.data);
    if (recipe.calibrationSamples)
      out.attribute("calibration_samples", recipe.calibrationSamples);
    if (recipe.heldBackSamples)
      out.attribute("held_back_samples", recipe.heldBackSamples);
    writeEntries(out, "predicted", recipe.predicted);
    writeEntries(out, "measured", recipe.measured);
    writeEntries(out, "adjustments", recipe.adjustments);
    writeEntries(out, "tensors", recipe.tensors);
    writeEntries(out, "nodes", recipe.nodes);
  });
  return text + "\n";
}

} // namespace tenon::quantize
