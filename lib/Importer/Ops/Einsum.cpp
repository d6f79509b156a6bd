// Einsum: products of tensors, summed over the labels that the result lacks.
//
// Operands are combined from left to right. Each pair becomes one matrix product: the labels of
// both and of what follows are batch dimensions, those of both that nothing needs any more are
// contracted, the others are rows or columns. Ellipses stand for labels of their own ('0', '1', ...
// counted from the right, so that shapes align as in broadcasting).

#include "lib/Importer/Broadcasting.h"
#include "lib/Importer/Ops/TensorMath.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tenon {

namespace {

/// A tensor whose dimensions have labels, each once.
struct Labelled {
  Value value;
  std::string labels;
};

class Einsum {
public:
  explicit Einsum(NodeImporter &node) : node(node), m(node) {}

  Results import();

private:
  bool parse(std::string equation, SmallVectorImpl<std::string> &inputs, std::string &output);
  std::optional<std::string> expand(StringRef term, int64_t rank);
  Labelled takeDiagonals(Labelled operand);
  Labelled sumExcept(Labelled operand, StringRef needed);
  Labelled arrange(Labelled operand, StringRef labels);
  Labelled multiply(Labelled lhs, Labelled rhs, StringRef needed);
  /// The operand's dimensions, those of `labels` brought to what both operands broadcast to.
  DimExprs widened(const Labelled &operand, const Labelled &other, StringRef labels);
  AffineExpr sizeOf(const Labelled &operand, char label) {
    return node.dim(operand.value, operand.labels.find(label));
  }

  NodeImporter &node;
  TensorMath m;
};

bool contains(StringRef labels, char label) { return labels.contains(label); }

} // namespace

/// Replaces an ellipsis by the labels of `rank` minus the named dimensions.
std::optional<std::string> Einsum::expand(StringRef term, int64_t rank) {
  size_t dots = term.find("...");
  std::string before = term.substr(0, dots).str();
  std::string after = dots == StringRef::npos ? "" : term.substr(dots + 3).str();
  int64_t hidden = rank - static_cast<int64_t>(before.size() + after.size());
  bool isValid = dots == StringRef::npos ? hidden == 0 : hidden >= 0 && hidden < 10;
  if (!isValid || !llvm::all_of(before + after, llvm::isAlpha)) {
    node.emitAttributeError("equation")
        << "'" << term << "' does not fit a tensor of rank " << rank;
    return std::nullopt;
  }
  for (int64_t i = hidden; i-- > 0;)
    before += static_cast<char>('0' + i);
  return before + after;
}

bool Einsum::parse(std::string equation, SmallVectorImpl<std::string> &inputs,
                   std::string &output) {
  llvm::erase(equation, ' ');
  auto [left, right] = StringRef(equation).split("->");
  bool isExplicit = StringRef(equation).contains("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != node.numOperands()) {
    node.emitAttributeError("equation")
        << "has " << terms.size() << " terms for " << node.numOperands() << " inputs";
    return false;
  }
  std::string all;
  int64_t hidden = 0;
  for (auto [term, operand] : llvm::zip_equal(terms, node.operands())) {
    std::optional<std::string> labels = expand(term, node.rank(operand));
    if (!labels)
      return false;
    inputs.push_back(*labels);
    all += *labels;
    hidden = std::max<int64_t>(hidden, llvm::count_if(*labels, llvm::isDigit));
  }
  if (isExplicit) {
    int64_t named = right.size() - (right.contains("...") ? 3 : 0);
    int64_t rank = right.contains("...") ? named + hidden : named;
    std::optional<std::string> labels = expand(right, rank);
    if (!labels)
      return false;
    output = *labels;
  } else {
    // Labels that occur once, in alphabetical order, after the ellipsis.
    for (int64_t i = hidden; i-- > 0;)
      output += static_cast<char>('0' + i);
    std::string once;
    for (char label : all)
      if (llvm::isAlpha(label) && llvm::count(all, label) == 1)
        once += label;
    llvm::sort(once);
    output += once;
  }
  for (char label : output)
    if (llvm::count(output, label) != 1 || !contains(all, label)) {
      node.emitAttributeError("equation")
          << "result label '" << StringRef(&label, 1) << "' must be an input's and occur once";
      return false;
    }
  return true;
}

/// A label that occurs twice keeps the elements at which both positions agree.
Labelled Einsum::takeDiagonals(Labelled operand) {
  for (size_t i = 0; i < operand.labels.size() && operand.value; ++i) {
    size_t other = operand.labels.find(operand.labels[i], i + 1);
    if (other == std::string::npos)
      continue;
    DimExprs dims = node.dims(operand.value);
    Value keep =
        m.equal(m.iotaAlong(dims.size(), i, dims[i]), m.iotaAlong(dims.size(), other, dims[other]));
    Value kept = m.select(keep, operand.value, m.scalar(operand.value, 0));
    operand.value = m.squeeze(m.sum(kept, other), other);
    operand.labels.erase(other, 1);
    --i;
  }
  return operand;
}

Labelled Einsum::sumExcept(Labelled operand, StringRef needed) {
  SmallVector<int64_t> axes;
  std::string kept;
  for (auto [axis, label] : llvm::enumerate(operand.labels))
    if (contains(needed, label))
      kept += label;
    else
      axes.push_back(axis);
  return {m.squeeze(m.sum(operand.value, axes), axes), kept};
}

/// Orders the dimensions by `labels`; those that the operand lacks become 1.
Labelled Einsum::arrange(Labelled operand, StringRef labels) {
  SmallVector<int64_t> permutation, missing;
  for (auto [axis, label] : llvm::enumerate(labels)) {
    size_t position = operand.labels.find(label);
    if (position == std::string::npos)
      missing.push_back(axis);
    else
      permutation.push_back(position);
  }
  return {m.unsqueeze(m.transpose(operand.value, permutation), missing), labels.str()};
}

DimExprs Einsum::widened(const Labelled &operand, const Labelled &other, StringRef labels) {
  DimExprs dims = node.dims(operand.value);
  for (char label : labels) {
    AffineExpr &dim = dims[operand.labels.find(label)];
    dim = broadcastSizes(node, dim, sizeOf(other, label));
  }
  return dims;
}

Labelled Einsum::multiply(Labelled lhs, Labelled rhs, StringRef needed) {
  lhs = sumExcept(lhs, (needed + rhs.labels).str());
  rhs = sumExcept(rhs, (needed + lhs.labels).str());
  std::string batch, contracted, rows, columns;
  for (char label : lhs.labels)
    (!contains(rhs.labels, label) ? rows : contains(needed, label) ? batch : contracted) += label;
  for (char label : rhs.labels)
    if (!contains(lhs.labels, label))
      columns += label;
  lhs = arrange(lhs, batch + rows + contracted);
  rhs = arrange(rhs, batch + contracted + columns);
  if (!lhs.value || !rhs.value)
    return {nullptr, ""};
  std::string labels = batch + rows + columns;
  if (contracted.empty()) {
    Value product = m.mul(arrange({lhs.value, batch + rows}, labels).value,
                          arrange({rhs.value, batch + columns}, labels).value);
    return {product, labels};
  }
  auto merge = [&](const Labelled &operand, StringRef part) {
    DimExprs sizes;
    for (char label : part)
      sizes.push_back(sizeOf(operand, label));
    return product(sizes, node.context());
  };
  // Merged labels must agree in both operands before they become one inner dimension.
  lhs.value = m.broadcast(lhs.value, widened(lhs, rhs, contracted));
  rhs.value = m.broadcast(rhs.value, widened(rhs, lhs, contracted));
  if (!lhs.value || !rhs.value)
    return {nullptr, ""};
  DimExprs left, right, result;
  for (char label : batch) {
    left.push_back(sizeOf(lhs, label));
    right.push_back(sizeOf(rhs, label));
    result.push_back(broadcastSizes(node, left.back(), right.back()));
  }
  left.append({merge(lhs, rows), merge(lhs, contracted)});
  right.append({merge(rhs, contracted), merge(rhs, columns)});
  for (char label : rows)
    result.push_back(sizeOf(lhs, label));
  for (char label : columns)
    result.push_back(sizeOf(rhs, label));
  Value matrix =
      node.infer<MatMulOp>({node.reshape(lhs.value, left), node.reshape(rhs.value, right)});
  // Products of narrow integers wrap as these do.
  return {node.reshape(node.cast(matrix, node.elementType(lhs.value)), result), labels};
}

Results Einsum::import() {
  SmallVector<std::string> inputs;
  std::string output;
  if (!parse(node.getString("equation").str(), inputs, output) || node.hasFailed())
    return failure();
  SmallVector<Labelled> operands;
  for (auto [labels, operand] : llvm::zip_equal(inputs, node.operands()))
    operands.push_back(takeDiagonals({operand, labels}));
  Labelled result = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    std::string needed = output;
    for (const Labelled &later : ArrayRef(operands).drop_front(i + 1))
      needed += later.labels;
    result = multiply(result, operands[i], needed);
    if (!result.value)
      return failure();
  }
  return {{arrange(sumExcept(result, output), output).value}};
}

static Results importEinsum(NodeImporter &node) { return Einsum(node).import(); }

void registerEinsumOps(OpRegistry &registry) {
  registry.add("Einsum", 12, {1, Arity::unbounded}, importEinsum);
}

} // namespace tenon
