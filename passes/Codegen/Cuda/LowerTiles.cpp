// Ops of the `tile` dialect as instructions of a warp: ldmatrix, mma and cp.async, which all
// architectures since sm_80 have.
//
// An address is that of a row, which is the same for a warp, plus what differs between lanes. Parts
// of tiles begin at multiples of sixteen rows and of two chunks. So which chunk a lane reads is the
// exclusive or of three numbers: of the part's first chunk, of the lane's chunk in it, and of a key
// of its row. All but the first stay the same while a kernel runs, and leave its loops.
//
// What a lane gets (PTX ISA, matrix fragments for mma.m16n8k16), with q = lane % 4:
//
// | words | left operand: row, bytes of depth | right operand: column, bytes of depth |
// |---|---|---|
// | 0 | lane / 4, 4 q | lane / 4, 4 q |
// | 1 | lane / 4 + 8, 4 q | lane / 4, 4 q + 16 |
// | 2 | lane / 4, 4 q + 16 | lane / 4 + 8, 4 q |
// | 3 | lane / 4 + 8, 4 q + 16 | lane / 4 + 8, 4 q + 16 |
//
// and of sums, those of row lane / 4 and columns 2 q and 2 q + 1, then of row lane / 4 + 8; the
// second instruction's sums are eight columns further. So sums of halves are a left operand as they
// are, in pairs. Of tf32 a lane would need columns q and q + 4, and has 2 q and 2 q + 1: as a
// product's depth may be in any order, these change places with the others in both operands.

#include "passes/Codegen/Cuda/LowerTiles.h"
#include "dialects/Tile/TileDialect.h"
#include "mlir/Conversion/ConvertToLLVM/ToLLVMInterface.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "passes/Codegen/Common/EmitHelpers.h"

using namespace mlir;

namespace tenon::cuda {
namespace {

using namespace tile;

constexpr unsigned kSharedSpace = 3, kGlobalSpace = 1;
/// The shared memory that a launch gives a block, whatever is in it.
constexpr llvm::StringLiteral kSharedName = "shared";

Value xorOf(Emitter &em, Value a, Value b) { return em.createOrFold<arith::XOrIOp>(a, b); }

/// Chunks of all banks, which are different in as many rows.
constexpr int64_t kMostKeys = 8;

/// What the chunks of a row change places by.
Value keyOf(Emitter &em, BufferType type, Value row) {
  int64_t chunks = type.getRowBytes() / BufferType::chunkBytes;
  if (type.getLayout() == Layout::Padded || chunks == 1)
    return em.i64(0);
  int64_t keys = std::min(chunks, kMostKeys);
  return em.rem(em.div(row, em.i64(kMostKeys / keys)), em.i64(keys));
}

Value pointerAt(Emitter &em, Value base, Value bytes) {
  return em.offsetPointer(base, em.getI8Type(), bytes);
}

/// The address of an element of any row and column.
Value elementPointer(Emitter &em, BufferType type, Value base, Value stage, Value row,
                     Value column) {
  Value bytes = em.mul(column, type.getElementBytes());
  Value chunkBytes = em.i64(BufferType::chunkBytes);
  Value chunk = xorOf(em, em.div(bytes, chunkBytes), keyOf(em, type, row));
  Value inRow = em.add(em.mul(chunk, chunkBytes), em.rem(bytes, chunkBytes));
  return pointerAt(em, base, em.add(rowOffset(em, type, stage, row), inRow));
}

/// The element that an op names.
template <typename OpT> Value elementPointer(Emitter &em, OpT op, typename OpT::Adaptor adaptor) {
  return elementPointer(em, op.getBuffer().getType(), adaptor.getBuffer(), adaptor.getStage(),
                        adaptor.getRow(), adaptor.getColumn());
}

Value laneOf(Emitter &em) {
  Value lane = em.create<NVVM::LaneIdOp>(em.getI32Type());
  return em.create<arith::ExtUIOp>(em.getI64Type(), lane);
}

//===-- Memory --===//

LLVM::GlobalOp getSharedMemory(ModuleOp module) {
  if (auto known = module.lookupSymbol<LLVM::GlobalOp>(kSharedName))
    return known;
  constexpr unsigned alignment = 1024; // of what asynchronous copies of matrices ask for
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
  return LLVM::GlobalOp::create(b, module.getLoc(), type, /*isConstant=*/false,
                                LLVM::Linkage::External, kSharedName, Attribute(), alignment,
                                kSharedSpace);
}

struct LowerBuffer : ConvertOpToLLVMPattern<BufferOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(BufferOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    rewriter.replaceOp(op, sharedPointer(em, op->getParentOfType<ModuleOp>(), op.getOffset()));
    return success();
  }
};

struct LowerCopy : ConvertOpToLLVMPattern<CopyOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(CopyOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    Value to = elementPointer(em, op, adaptor);
    auto global = LLVM::LLVMPointerType::get(getContext(), kGlobalSpace);
    Value from = em.create<LLVM::AddrSpaceCastOp>(global, adaptor.getSource());
    auto bytes = [&](int64_t count) -> Value {
      return em.create<arith::ConstantIntOp>(em.getI32Type(), count);
    };
    Value count = em.select(adaptor.getValid(), bytes(BufferType::chunkBytes), bytes(0));
    em.create<NVVM::CpAsyncOp>(to, from, BufferType::chunkBytes, NVVM::LoadCacheModifierKind::CG,
                               constantOf(count) == BufferType::chunkBytes ? Value() : count);
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerCommit : ConvertOpToLLVMPattern<CommitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(CommitOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::CpAsyncCommitGroupOp>(op);
    return success();
  }
};

struct LowerWait : ConvertOpToLLVMPattern<WaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(WaitOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::CpAsyncWaitGroupOp>(op, op.getPending());
    return success();
  }
};

unsigned alignmentOf(Type vector) {
  auto type = cast<VectorType>(vector);
  return type.getNumElements() * type.getElementTypeBitWidth() / 8;
}

struct LowerStore : ConvertOpToLLVMPattern<StoreOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(StoreOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    Value to = elementPointer(em, op, adaptor);
    em.create<LLVM::StoreOp>(adaptor.getElements(), to, alignmentOf(op.getElements().getType()));
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerLoad : ConvertOpToLLVMPattern<LoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(LoadOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    Value from = elementPointer(em, op, adaptor);
    rewriter.replaceOpWithNewOp<LLVM::LoadOp>(op, op.getType(), from, alignmentOf(op.getType()));
    return success();
  }
};

//===-- Products --===//

/// Where in a part of a tile a lane reads: a row, and bytes of it.
struct PlaceInPart {
  Value row, chunk;
  /// Bytes in the chunk; null for none.
  Value byte = nullptr;
};

/// What a lane hands to ldmatrix: matrices of eight rows by a chunk, in the order of the words that
/// they become.
PlaceInPart placeOfMatrix(Emitter &em, Role role, Value lane) {
  if (role == Role::Columns) {
    Value row = em.add(em.mul(em.div(lane, em.i64(16)), 8), em.rem(lane, em.i64(8)));
    return {row, em.rem(em.div(lane, em.i64(8)), em.i64(2))};
  }
  return {em.rem(lane, em.i64(16)), em.div(lane, em.i64(16))};
}

/// Where the number is that becomes a word of `paired_lines`.
PlaceInPart placeOfWord(Emitter &em, Value lane, int64_t word) {
  Value row = em.add(em.mul(em.rem(lane, em.i64(4)), 2), word % 2);
  Value column = em.add(em.div(lane, em.i64(4)), word / 2 * 8);
  return {row, em.div(column, em.i64(4)), em.mul(em.rem(column, em.i64(4)), 4)};
}

Value roundToTf32(Emitter &em, Value number) {
  return em.create<NVVM::ConvertFloatToTF32Op>(em.getI32Type(), number, NVVM::FPRoundingMode::RNA);
}

struct LowerOperand : ConvertOpToLLVMPattern<OperandOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(OperandOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    bool isPaired = op.getRole() == Role::PairedLines;
    SmallVector<Value> words = isPaired ? loadNumbers(em, op, adaptor) : loadWords(em, op, adaptor);
    auto type = VectorType::get({kWords}, em.getI32Type());
    rewriter.replaceOp(op, em.create<vector::FromElementsOp>(type, words));
    return success();
  }

private:
  static constexpr int64_t kWords = 4;

  static Value pointerInPart(Emitter &em, OperandOp op, OpAdaptor adaptor, PlaceInPart place) {
    BufferType type = op.getBuffer().getType();
    Value first =
        em.div(em.mul(adaptor.getColumn(), type.getElementBytes()), em.i64(BufferType::chunkBytes));
    // Keys are less than eight: whole lines of banks are added, and parts that differ by them share
    // an address.
    Value keyed = em.rem(first, em.i64(kMostKeys));
    Value own = xorOf(em, keyed, xorOf(em, place.chunk, keyOf(em, type, place.row)));
    Value ofLane =
        em.add(em.mul(place.row, type.getRowBytes()), em.mul(own, BufferType::chunkBytes));
    if (place.byte)
      ofLane = em.add(ofLane, place.byte);
    Value uniform = rowOffset(em, type, adaptor.getStage(), adaptor.getRow());
    Value lines = em.mul(em.sub(first, keyed), BufferType::chunkBytes);
    return pointerAt(em, pointerAt(em, adaptor.getBuffer(), ofLane), em.add(uniform, lines));
  }

  static SmallVector<Value> loadWords(Emitter &em, OperandOp op, OpAdaptor adaptor) {
    Value from = pointerInPart(em, op, adaptor, placeOfMatrix(em, op.getRole(), laneOf(em)));
    bool isRounded = op.getBuffer().getType().getElement().isF32();
    Type word = em.getI32Type();
    auto type = LLVM::LLVMStructType::getLiteral(em.getContext(), SmallVector<Type>(kWords, word));
    Value loaded = em.create<NVVM::LdMatrixOp>(
        type, from, kWords,
        op.getRole() == Role::Lines ? NVVM::MMALayout::col : NVVM::MMALayout::row,
        NVVM::LdStMatrixShapeAttr::get(em.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
    SmallVector<Value> words;
    for (int64_t i = 0; i < kWords; ++i) {
      Value part = em.create<LLVM::ExtractValueOp>(loaded, i);
      if (isRounded)
        part = roundToTf32(em, em.create<LLVM::BitcastOp>(em.getF32Type(), part));
      words.push_back(part);
    }
    return words;
  }

  static SmallVector<Value> loadNumbers(Emitter &em, OperandOp op, OpAdaptor adaptor) {
    SmallVector<Value> words;
    Value lane = laneOf(em);
    for (int64_t word = 0; word < kWords; ++word) {
      Value from = pointerInPart(em, op, adaptor, placeOfWord(em, lane, word));
      words.push_back(roundToTf32(em, em.create<LLVM::LoadOp>(em.getF32Type(), from)));
    }
    return words;
  }
};

} // namespace

SmallVector<Value> extract(Emitter &em, Value vector, int64_t first, int64_t count) {
  SmallVector<Value> elements;
  for (int64_t i = first; i < first + count; ++i)
    elements.push_back(em.create<vector::ExtractOp>(vector, i));
  return elements;
}

namespace {

struct LowerLeftOfSums : ConvertOpToLLVMPattern<LeftOfSumsOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(LeftOfSumsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    SmallVector<Value> words;
    if (op.getNumber() == Number::TF32) {
      SmallVector<Value> sums = extract(em, adaptor.getSums(), 4 * op.getPart(), 4);
      for (int64_t i : {0, 2, 1, 3})
        words.push_back(roundToTf32(em, sums[i]));
    } else {
      SmallVector<Value> sums = extract(em, adaptor.getSums(), 0, 8);
      for (int64_t i = 0; i < 8; i += 2)
        words.push_back(roundPair(em, op.getNumber(), sums[i], sums[i + 1]));
    }
    auto type = VectorType::get({4}, em.getI32Type());
    rewriter.replaceOp(op, em.create<vector::FromElementsOp>(type, words));
    return success();
  }

private:
  /// Two halves as a word, the first one in its lower part.
  static Value roundPair(Emitter &em, Number number, Value first, Value second) {
    auto type = VectorType::get({2}, number == Number::F16 ? Type(em.getF16Type())
                                                           : Type(em.getBF16Type()));
    Value pair;
    if (number == Number::F16)
      pair = em.create<NVVM::ConvertF32x2ToF16x2Op>(type, second, first, Value(),
                                                    NVVM::FPRoundingMode::RN);
    else
      pair = em.create<NVVM::ConvertF32x2ToBF16x2Op>(type, second, first, Value(),
                                                     NVVM::FPRoundingMode::RN);
    return em.create<LLVM::BitcastOp>(em.getI32Type(), pair);
  }
};

/// Row and column of a lane's first sum.
std::pair<Value, Value> placeOfSums(Emitter &em) {
  Value lane = laneOf(em);
  return {em.div(lane, em.i64(4)), em.mul(em.rem(lane, em.i64(4)), 2)};
}

struct LowerPlace : ConvertOpToLLVMPattern<PlaceOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(PlaceOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    auto [row, column] = placeOfSums(em);
    rewriter.replaceOp(op, {row, column});
    return success();
  }
};

struct LowerStoreSums : ConvertOpToLLVMPattern<StoreSumsOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(StoreSumsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    BufferType type = op.getBuffer().getType();
    auto [laneRow, laneColumn] = placeOfSums(em);
    if (op.getTurned()) {
      storeTurned(em, op, adaptor, laneRow, laneColumn);
      rewriter.eraseOp(op);
      return success();
    }
    Value row = em.add(adaptor.getRow(), laneRow), column = em.add(adaptor.getColumn(), laneColumn);
    auto pair = VectorType::get({2}, type.getElement());
    for (int64_t i = 0; i < 4; ++i) {
      Value to = elementPointer(em, type, adaptor.getBuffer(), adaptor.getStage(),
                                em.add(row, i % 2 * 8), em.add(column, i / 2 * 8));
      Value sums =
          em.create<vector::FromElementsOp>(pair, extract(em, adaptor.getSums(), 2 * i, 2));
      em.create<LLVM::StoreOp>(sums, to, alignmentOf(pair));
    }
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Neighbours are below one another then, and are stored one by one. Lanes that share a row have
  /// even rows of the tile, two apart, of which two would meet in a bank; so half of the lanes
  /// begin with the second one.
  static void storeTurned(Emitter &em, StoreSumsOp op, OpAdaptor adaptor, Value laneRow,
                          Value laneColumn) {
    BufferType type = op.getBuffer().getType();
    Value isLate = em.create<arith::CmpIOp>(arith::CmpIPredicate::uge, laneColumn, em.i64(4));
    for (int64_t i = 0; i < 4; ++i) {
      Value row = em.add(adaptor.getRow(), em.add(laneColumn, i / 2 * 8));
      Value column = em.add(adaptor.getColumn(), em.add(laneRow, i % 2 * 8));
      SmallVector<Value> sums = extract(em, adaptor.getSums(), 2 * i, 2);
      for (int64_t turn = 0; turn < 2; ++turn) {
        Value step = em.select(isLate, em.i64(1 - turn), em.i64(turn));
        Value to = elementPointer(em, type, adaptor.getBuffer(), adaptor.getStage(),
                                  em.add(row, step), column);
        em.create<LLVM::StoreOp>(em.select(isLate, sums[1 - turn], sums[turn]), to);
      }
    }
  }
};

/// The dialect's interface.
struct TileLowering : ConvertToLLVMPatternInterface {
  using ConvertToLLVMPatternInterface::ConvertToLLVMPatternInterface;
  void populateConvertToLLVMConversionPatterns(ConversionTarget &target,
                                               LLVMTypeConverter &converter,
                                               RewritePatternSet &patterns) const override {
    converter.addConversion([](BufferType type) {
      return LLVM::LLVMPointerType::get(type.getContext(), kSharedSpace);
    });
    target.addIllegalDialect<TileDialect>();
    patterns.add<LowerBuffer, LowerCopy, LowerCommit, LowerWait, LowerStore, LowerLoad,
                 LowerOperand, LowerLeftOfSums, LowerPlace, LowerStoreSums>(converter);
    populatePipelinePatterns(converter, patterns);
    populateProductPatterns(converter, patterns);
  }
};

} // namespace

Value rowOffset(Emitter &em, BufferType type, Value stage, Value row) {
  return em.add(em.mul(stage, type.getStageBytes()), em.mul(row, type.getRowBytes()));
}

Value sharedPointer(Emitter &em, ModuleOp module, int64_t offset) {
  Value base =
      em.create<LLVM::AddressOfOp>(LLVM::LLVMPointerType::get(em.getContext(), kSharedSpace),
                                   getSharedMemory(module).getSymName());
  return em.offsetPointer(base, em.getI8Type(), offset);
}

void registerTileLowering(DialectRegistry &registry) {
  registry.insert<TileDialect>();
  registry.addExtension(+[](MLIRContext *context, TileDialect *dialect) {
    context->loadDialect<arith::ArithDialect, NVVM::NVVMDialect, vector::VectorDialect>();
    dialect->addInterfaces<TileLowering>();
  });
}

} // namespace tenon::cuda
