// What a rule sees of a node and says about it, before and after channels are removed.
//
// A rule has two halves. `couple` says which channels of the node's values belong together and
// which must stay; whatever it does not unite ends there. `adjust` changes attributes and lists of
// sizes once channels are gone. Constants are sliced by their axes, so rules say nothing of them.

#ifndef TENON_LIB_PRUNE_COUPLING_H
#define TENON_LIB_PRUNE_COUPLING_H

#include "lib/Prune/ChannelSets.h"
#include "lib/Prune/NodeView.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseMap.h"

namespace tenon {

/// A sum of an input's channels, each multiplied by weights that the model holds: where channels
/// begin (the result's) and end (the input's).
struct WeightedSum {
  const onnx::NodeProto *node = nullptr;
  llvm::StringRef input, weights, result;
  /// Where channels are: in the input, in weights that are multiplied by them, in weights that make
  /// the result's, and in the result. `weightsIn` is -1 where each group has inputs of its own, and
  /// `weightsOut` where weights are not of one of the result's channels.
  int64_t inputAxis = 0, weightsIn = 0, weightsOut = 0, resultAxis = 0;
  int64_t groups = 1;
  /// The operand that is added to the result's channels, which may be left out; -1 if the operator
  /// has none.
  int64_t biasOperand = -1;
  /// Whether zeros stand beside the input, so that not all results are sums of the same weights.
  bool isPadded = false;
};

/// Which axis of a node's result takes over the channels of axes that a reshape divides: the number
/// of the candidate that is tried, of how many, and where that leads.
struct RegroupingChoice {
  unsigned number = 0, candidates = 0;
  Axis axis;
};
using RegroupingChoices = llvm::DenseMap<const onnx::NodeProto *, RegroupingChoice>;

class Coupler : public NodeView {
public:
  struct State {
    ChannelSets &sets;
    std::vector<WeightedSum> &sums;
    const llvm::StringSet<> &knownValues;
    RegroupingChoices &choices;
    /// Channels that nodes sum up in ways that `sums` does not tell.
    llvm::BitVector &opaque;
    /// Channels that the rule of this node has said something of.
    llvm::BitVector &mentioned;
  };

  Coupler(const ModelEditor &editor, const ValueTypes &types, const onnx::NodeProto &node,
          const State &state)
      : NodeView(editor, types, node), state(state) {}

  /// The channels of an axis; none if its size is unknown. A negative axis counts from the end.
  Axis getAxis(llvm::StringRef value, int64_t axis) const;
  /// Whether the value is a constant or is computed from constants alone.
  bool isKnown(llvm::StringRef value) const;

  /// Couples position by position. Axes of different or unknown sizes must stay.
  void unite(Axis axis, Axis other);
  void unite(int64_t channel, int64_t other);
  void pin(Axis axis, const llvm::Twine &reason);
  void pin(int64_t channel, const llvm::Twine &reason);
  /// Says that the node does not care which of the channels there are.
  void ignore(Axis axis);
  /// All channels of a value.
  void pin(llvm::StringRef value, const llvm::Twine &reason);
  /// All channels of all operands and results.
  void pinAll(const llvm::Twine &reason);

  /// Couples the axes of two values of one rank but those in `except`.
  void uniteAxes(llvm::StringRef value, llvm::StringRef other, llvm::ArrayRef<int64_t> except = {});
  /// Couples an operand with a result to which it is broadcast, their last `fromEnd` axes left out.
  void uniteBroadcast(llvm::StringRef operand, llvm::StringRef result, int64_t fromEnd = 0);
  /// Couples values with the same elements in the same order.
  void regroup(llvm::StringRef value, llvm::StringRef result);

  /// Couples what a product sums over. Where neither operand is known, it must stay: the order of
  /// channels would have to change in both.
  void uniteSummed(llvm::StringRef left, int64_t leftAxis, llvm::StringRef right,
                   int64_t rightAxis);
  void addSum(WeightedSum sum);
  /// Channels that end here, though there is no WeightedSum of them.
  void addOpaqueRead(Axis axis);
  /// Pins the axes of which the rule has said nothing, such as that of a list of sizes.
  void pinUnmentioned();

private:
  struct Block;
  void regroup(const Block &block);
  std::optional<size_t> chooseAxis(llvm::ArrayRef<Axis> axes, bool isResult);

  State state;
};

class Adjuster : public NodeView {
public:
  Adjuster(ModelEditor &editor, const ValueTypes &types, onnx::NodeProto &node,
           const ChannelSets &sets, const llvm::BitVector &removed)
      : NodeView(editor, types, node), editor(editor), node(node), sets(sets), removed(removed) {}

  onnx::NodeProto &getNode() { return node; }
  /// Whether the axis loses channels.
  bool isChanged(llvm::StringRef value, int64_t axis) const;
  bool isKept(llvm::StringRef value, int64_t axis, int64_t position) const;
  /// How many channels stay of all, or of those before a position.
  int64_t countKept(llvm::StringRef value, int64_t axis) const;
  int64_t countKept(llvm::StringRef value, int64_t axis, int64_t end) const;

  /// Gives an operand other integers, of the type that it has, in a constant of its own.
  void setIntegers(int operand, llvm::ArrayRef<int64_t> integers);
  /// Gives a list of sizes, which is a constant or is put together from constants, those of a value
  /// whose axes have changed. Entries of -1 and 0 find out by themselves.
  void setSizes(int operand, llvm::StringRef value);

private:
  std::optional<Axis> findAxis(llvm::StringRef value, int64_t axis) const;

  ModelEditor &editor;
  onnx::NodeProto &node;
  const ChannelSets &sets;
  const llvm::BitVector &removed; // of sets, by their first channels
};

/// What is known of an operator.
struct CouplingRule {
  void (*couple)(Coupler &);
  /// Null where nothing but constants changes.
  void (*adjust)(Adjuster &) = nullptr;
};

class CouplingRules {
public:
  void add(llvm::ArrayRef<llvm::StringRef> types, CouplingRule rule, llvm::StringRef domain = "");
  /// Null if there is none: nothing may be removed around such a node.
  const CouplingRule *find(const onnx::NodeProto &node) const;
  static const CouplingRules &all();

private:
  llvm::StringMap<CouplingRule> rules;
};

// The families of operators, each in a file of Rules.
void addContractionRules(CouplingRules &rules);
void addElementwiseRules(CouplingRules &rules);
void addMovementRules(CouplingRules &rules);
void addShapeRules(CouplingRules &rules);
void addWindowRules(CouplingRules &rules);
void addNormalizationRules(CouplingRules &rules);
void addAttentionRules(CouplingRules &rules);
void addEinsumRules(CouplingRules &rules);

} // namespace tenon

#endif
