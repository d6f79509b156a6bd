// What of a model may be quantized: its products, the tensors that they read, and who shares what.
#ifndef TENON_LIB_QUANTIZE_PLAN_H
#define TENON_LIB_QUANTIZE_PLAN_H

#include "lib/Quantize/QuantizableNodes.h"
#include "lib/Quantize/Recipe.h"
#include "llvm/ADT/StringSet.h"

namespace tenon::quantize {

/// A node that multiplies, or reads rows of a table.
struct Product {
  std::string node, op;
  /// What it multiplies that the model computes; none of a table.
  std::vector<std::string> activations;
  /// The constant that it multiplies, or the table; empty if both operands are computed.
  std::string weight;
  std::optional<int64_t> weightAxis, summedAxis;
  /// Whether its weight may be stored in blocks.
  bool canPack = false;

  bool isTable() const { return activations.empty(); }
  /// Whether all that it has can be in this precision.
  bool canHave(NodePrecision precision) const {
    return canPack || precision != NodePrecision::Int4Weights;
  }
  /// The tensor by which reports call it.
  const std::string &getMainTensor() const { return isTable() ? weight : activations.front(); }
};

/// All that is quantized where all products are.
struct QuantizationPlan {
  /// In the order of the graph, like all other lists.
  std::vector<Product> products;
  /// Nodes that read quantized tensors when there are any, and so stay between products: those that
  /// move elements, and pointwise ones of convolutional networks.
  std::vector<std::string> followers;
  /// Tensors that get a scale. Those of one class share it, since values only move between them.
  std::vector<std::string> tensors;
  /// For each of these the number of its class.
  std::vector<unsigned> classes;
  /// Of each follower and product, the tensors that it reads and writes.
  struct Node {
    std::vector<std::string> reads, writes;
    /// Reads are quantized where its result is.
    bool moves = false;
    /// Of those that move, the nodes that read what they write, and whether anybody else does.
    std::vector<std::string> readers;
    bool isReadElsewhere = false;
  };
  llvm::StringMap<Node> nodes;
};

/// Finds the products of a model's main graph and what lies between them. `order` is the graph's.
QuantizationPlan planQuantization(const ModelEditor &model, const ValueTypes &types);

/// The followers that move bytes where these products are quantized: those whose results only such
/// nodes read as read bytes. Others would get what is rounded, too.
llvm::StringSet<> findByteMovers(const QuantizationPlan &plan,
                                 llvm::ArrayRef<const Product *> products);

/// The tensors that are quantized where these products are, in the order of the plan.
std::vector<std::string> findQuantizedTensors(const QuantizationPlan &plan,
                                              llvm::ArrayRef<const Product *> products);

} // namespace tenon::quantize

#endif
