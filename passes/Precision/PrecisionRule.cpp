// Rules by the names of nodes (see the header).

#include "passes/Precision/PrecisionRule.h"
#include "dialects/Tenon/NodeLocation.h"
#include "dialects/Tenon/TenonDialect.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace tenon {

static constexpr std::pair<llvm::StringLiteral, Precision> precisions[] = {
    {"fp32", Precision::F32},
    {"fp32-split", Precision::F32Split},
    {"fp32-fast", Precision::F32Fast},
    {"tf32", Precision::TF32},
    {"bf16", Precision::BF16},
    {"f16", Precision::F16},
    {"int8", Precision::I8}};

std::optional<Precision> parsePrecision(StringRef name) {
  for (auto [known, precision] : precisions)
    if (known == name)
      return precision;
  return std::nullopt;
}

StringRef getName(Precision precision) {
  for (auto [name, known] : precisions)
    if (known == precision)
      return name;
  llvm_unreachable("no other precisions");
}

std::string listPrecisions() {
  std::string list;
  for (auto [number, known] : llvm::enumerate(precisions)) {
    bool isLast = number + 1 == std::size(precisions);
    list += (number == 0 ? "" : isLast ? " or " : ", ") + known.first.str();
  }
  return list;
}

FloatType getType(MLIRContext *context, Precision precision) {
  switch (precision) {
  case Precision::F32:
  case Precision::F32Split:
  case Precision::F32Fast:
  case Precision::TF32:
  case Precision::I8:
    return Float32Type::get(context);
  case Precision::BF16:
    return BFloat16Type::get(context);
  case Precision::F16:
    return Float16Type::get(context);
  }
  llvm_unreachable("no other precisions");
}

int64_t countBFloatProducts(Precision precision) {
  switch (precision) {
  case Precision::F32Split:
    return 6;
  case Precision::F32Fast:
    return 3;
  default:
    return 1;
  }
}

bool multipliesQuantized(Operation *op) {
  auto matmul = dyn_cast<MatMulOp>(op);
  if (!matmul)
    return false;
  Value weights = matmul.getRhs();
  while (auto transpose = weights.getDefiningOp<TransposeOp>())
    weights = transpose.getOperand();
  return isa_and_present<DequantizeOp, DequantizeBlocksOp>(weights.getDefiningOp());
}

llvm::Expected<PrecisionRule> PrecisionRule::parse(StringRef text) {
  auto [nodes, precision] = text.rsplit('=');
  return create(nodes, precision);
}

llvm::Expected<PrecisionRule> PrecisionRule::create(StringRef nodes, StringRef precision) {
  std::optional<Precision> known = parsePrecision(precision);
  if (precision == "fp8")
    return llvm::createStringError(
        "'" + precision +
        "' is no precision by itself: numbers need scales, which models say "
        "(QuantizeLinear to FLOAT8E4M3FN or FLOAT8E5M2)");
  if (!known)
    return llvm::createStringError("'" + precision + "' is no precision: " + listPrecisions());
  llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(nodes);
  if (!pattern)
    return llvm::createStringError("'" + nodes +
                                   "' names no nodes: " + llvm::toString(pattern.takeError()));
  return PrecisionRule(nodes, std::move(*pattern), *known);
}

PrecisionRule PrecisionRule::createForNode(StringRef node, Precision precision) {
  std::string pattern;
  for (char c : node) {
    if (StringRef("*?[]{}\\^!").contains(c))
      pattern += '\\';
    pattern += c;
  }
  return PrecisionRule(pattern, llvm::cantFail(llvm::GlobPattern::create(pattern)), precision);
}

SmallVector<StringRef, 2> getMultiplyingNodes(Operation *op) {
  SmallVector<StringRef> nodes;
  op->getLoc()->walk([&](Location part) {
    if (isa<NameLoc>(part))
      if (StringRef node = getNodeOrigin(part).node; !node.empty())
        nodes.push_back(node);
    return WalkResult::advance();
  });
  if (nodes.empty())
    return {};
  bool isOneProduct = cast<PrecisionOpInterface>(op).getMultipliedWeights().size() == 1;
  if (isOneProduct)
    return {nodes.front()};
  return {nodes.front(), nodes.back()};
}

Precision findPrecision(Operation *op, ArrayRef<PrecisionRule> rules) {
  auto ofNode = [&](StringRef node) {
    for (const PrecisionRule &rule : llvm::reverse(rules))
      if (rule.matches(node))
        return rule.getPrecision();
    return Precision::F32;
  };
  SmallVector<StringRef, 2> nodes = getMultiplyingNodes(op);
  // An op without a name still is what "*" means.
  if (nodes.empty())
    return ofNode("");
  Precision first = ofNode(nodes.front());
  return first == ofNode(nodes.back()) ? first : Precision::F32;
}

} // namespace tenon
