// Ops of warps with different roles as instructions of sm_90a: TMA (cp.async.bulk.tensor), mbarrier
// and wgmma.
//
// Descriptors of matrices in shared memory (PTX ISA, "Matrix Descriptor Format") count in units of
// 16 bytes:
//
// | bits | what | rows of the tile along the depth | panels, rows across it |
// |---|---|---|---|
// | 0-13 | where the matrix begins | the row, and the chunk of the depth | the row |
// | 16-29 | leading dimension | not used | from a panel to the next |
// | 32-45 | stride | from eight rows to the next eight | the same |
// | 62-63 | swizzle | 128, 64 or 32 bytes: 1, 2 or 3 | 128 bytes: 1 |
//
// The swizzle is one of addresses: it begins at a multiple of what it repeats after, eight rows,
// and a chunk of the depth is where it would be without. Shared memory has less than 2^18 bytes, so
// that addresses fill the first field, and what is added to it later stays in it.
//
// Sums go through the instructions as operands that are read and written: so no copy of one comes
// between products that are under way, and nobody reads a sum before `tile.wait_products`, which
// they go through, too.

#include "dialects/Tile/TileDialect.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "passes/Codegen/Cuda/LowerTiles.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tenon::cuda {
namespace {

using namespace tile;

constexpr unsigned kSharedSpace = 3, kClusterSpace = 7;
constexpr int64_t kWarpgroupThreads = 128;

Value toI32(Emitter &em, Value value) {
  return em.createOrFold<arith::TruncIOp>(em.getI32Type(), value);
}

Value i32(Emitter &em, int64_t value) {
  return em.create<arith::ConstantIntOp>(em.getI32Type(), value);
}

/// Instructions as text. They have effects, on memory, too.
Value emitPtx(Emitter &em, Type result, StringRef text, const Twine &constraints,
              ValueRange operands) {
  SmallVector<Type> results;
  if (result)
    results.push_back(result);
  auto op = em.create<LLVM::InlineAsmOp>(
      TypeRange(results), operands, text, (constraints + ",~{memory}").str(),
      /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr(), ArrayAttr());
  return result ? op.getRes() : Value();
}

//===-- Roles --===//

struct LowerWarpgroup : ConvertOpToLLVMPattern<WarpgroupOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(WarpgroupOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    Value thread = em.create<NVVM::ThreadIdXOp>(em.getI32Type());
    Value own = em.create<arith::DivUIOp>(thread, i32(em, kWarpgroupThreads));
    Value first = em.create<NVVM::ShflOp>(em.getI32Type(), i32(em, -1), own, i32(em, 0),
                                          i32(em, 31), NVVM::ShflKind::idx, UnitAttr());
    rewriter.replaceOpWithNewOp<arith::ExtUIOp>(op, em.getI64Type(), first);
    return success();
  }
};

struct LowerRegisters : ConvertOpToLLVMPattern<RegistersOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(RegistersOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto action = op.getChange() == Change::Increase ? NVVM::SetMaxRegisterAction::increase
                                                     : NVVM::SetMaxRegisterAction::decrease;
    rewriter.replaceOpWithNewOp<NVVM::SetMaxRegisterOp>(op, op.getCount(), action);
    return success();
  }
};

struct LowerMeet : ConvertOpToLLVMPattern<MeetOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(MeetOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    rewriter.replaceOpWithNewOp<NVVM::SyncWarpOp>(op, i32(em, -1));
    return success();
  }
};

struct LowerClusterRank : ConvertOpToLLVMPattern<ClusterRankOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(ClusterRankOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    Value rank = em.create<NVVM::ClusterId>(em.getI32Type());
    rewriter.replaceOpWithNewOp<arith::ExtUIOp>(op, em.getI64Type(), rank);
    return success();
  }
};

struct LowerMeetCluster : ConvertOpToLLVMPattern<MeetClusterOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(MeetClusterOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    NVVM::ClusterArriveOp::create(rewriter, op.getLoc(), UnitAttr());
    rewriter.replaceOpWithNewOp<NVVM::ClusterWaitOp>(op, UnitAttr());
    return success();
  }
};

struct LowerMeetWarpgroup : ConvertOpToLLVMPattern<MeetWarpgroupOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(MeetWarpgroupOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    // The first barrier is the block's.
    Value barrier = toI32(em, em.add(adaptor.getGroup(), 1));
    rewriter.replaceOpWithNewOp<NVVM::BarrierOp>(op, TypeRange(), barrier,
                                                 i32(em, kWarpgroupThreads),
                                                 NVVM::BarrierReductionAttr(), Value());
    return success();
  }
};

//===-- Barriers --===//

Value barrierPointer(Emitter &em, Value barriers, Value index) {
  return em.offsetPointer(barriers, em.getI8Type(), em.mul(index, BarriersType::barrierBytes));
}

struct LowerBarriers : ConvertOpToLLVMPattern<BarriersOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(BarriersOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    rewriter.replaceOp(op, sharedPointer(em, op->getParentOfType<ModuleOp>(), op.getOffset()));
    return success();
  }
};

struct LowerStartBarriers : ConvertOpToLLVMPattern<StartBarriersOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(StartBarriersOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    for (int64_t i = 0; i < op.getBarriers().getType().getCount(); ++i)
      em.create<NVVM::MBarrierInitOp>(barrierPointer(em, adaptor.getBarriers(), em.i64(i)),
                                      i32(em, op.getArrivals()), Value());
    em.create<NVVM::FenceMbarrierInitOp>();
    em.create<NVVM::FenceProxyOp>(
        NVVM::ProxyKindAttr::get(getContext(), NVVM::ProxyKind::async_shared),
        NVVM::SharedSpaceAttr::get(getContext(), NVVM::SharedSpace::shared_cta));
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerExpect : ConvertOpToLLVMPattern<ExpectOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(ExpectOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    Value barrier = barrierPointer(em, adaptor.getBarriers(), adaptor.getIndex());
    em.create<NVVM::MBarrierArriveExpectTxOp>(em.getI64Type(), barrier, i32(em, op.getBytes()),
                                              NVVM::MemScopeKind::CTA, false, Value());
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerArrive : ConvertOpToLLVMPattern<ArriveOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(ArriveOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    Value barrier = barrierPointer(em, adaptor.getBarriers(), adaptor.getIndex());
    if (adaptor.getBlock())
      arriveAt(em, barrier, adaptor.getBlock());
    else
      em.create<NVVM::MBarrierArriveOp>(em.getI64Type(), barrier, Value());
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// At the barrier at the same place of another block.
  static void arriveAt(Emitter &em, Value barrier, Value block) {
    constexpr llvm::StringLiteral text =
        "{\n\t"
        ".reg .b64 there;\n\t"
        "mapa.shared::cluster.u64 there, $0, $1;\n\t"
        "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];\n\t"
        "}";
    emitPtx(em, nullptr, text, "l,r", {barrier, toI32(em, block)});
  }
};

// The instruction gives up after a while.
struct LowerAwait : ConvertOpToLLVMPattern<AwaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(AwaitOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    std::string text = llvm::formatv("{{\n\t"
                                     ".reg .pred over;\n"
                                     "again_${{:uid}:\n\t"
                                     "mbarrier.try_wait.parity.{0}shared::cta.b64 over, [$0], "
                                     "$1;\n\t"
                                     "@!over bra again_${{:uid};\n\t"
                                     "}",
                                     op.getOfCluster() ? "acquire.cluster." : "");
    Value barrier = barrierPointer(em, adaptor.getBarriers(), adaptor.getIndex());
    emitPtx(em, nullptr, text, "l,r", {barrier, toI32(em, adaptor.getParity())});
    rewriter.eraseOp(op);
    return success();
  }
};

//===-- Copies --===//

struct LowerBring : ConvertOpToLLVMPattern<BringOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(BringOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto first = [](ValueRange values) { return values.front(); };
    Emitter em(rewriter, op.getLoc());
    Value row =
        rowOffset(em, op.getBuffer().getType(), first(adaptor.getStage()), first(adaptor.getRow()));
    Value to = em.offsetPointer(first(adaptor.getBuffer()), em.getI8Type(), row);
    Value place = em.create<LLVM::AddrSpaceCastOp>(
        LLVM::LLVMPointerType::get(getContext(), kClusterSpace), to);
    SmallVector<Value> origin, tap;
    for (ValueRange coordinate : adaptor.getOrigin())
      origin.push_back(toI32(em, first(coordinate)));
    for (ValueRange distance : adaptor.getTap())
      tap.push_back(em.createOrFold<arith::TruncIOp>(em.getI16Type(), first(distance)));
    Value barrier = barrierPointer(em, first(adaptor.getBarriers()), first(adaptor.getIndex()));
    Value blocks;
    if (op.getBlocks())
      blocks = em.create<arith::ConstantOp>(op.getBlocksAttr());
    em.create<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(
        place, first(adaptor.getMap()), origin, barrier, tap, /*multicastMask=*/blocks,
        /*l2CacheHint=*/Value(), tap.empty() ? NVVM::TMALoadMode::TILE : NVVM::TMALoadMode::IM2COL,
        /*isCTAOnly=*/false, NVVM::CTAGroupKindAttr(), /*predicate=*/Value());
    rewriter.eraseOp(op);
    return success();
  }
};

//===-- Products --===//

StringRef nameOf(Number number) { return stringifyNumber(number); }

bool isInteger(Number number) { return number == Number::S8 || number == Number::U8; }

/// Numbers of 32 bytes.
int64_t depthOf(BufferType type) { return kDepthBytes / type.getElementBytes(); }

/// What is the same for all matrices of a tile.
uint64_t descriptorBits(BufferType type, std::optional<int64_t> panelRows) {
  constexpr int64_t unit = 16, rows = 8;
  int64_t rowBytes = type.getRowBytes();
  uint64_t swizzle = 1 + llvm::Log2_64(kLongestRow / rowBytes);
  uint64_t leading = panelRows ? *panelRows * rowBytes / unit : 1, stride = rows * rowBytes / unit;
  return swizzle << 62 | stride << 32 | leading << 16;
}

/// Of the matrix that begins at a place of a tile.
Value describe(Emitter &em, BufferType type, Value base, Value stage, Value row, Value column,
               std::optional<int64_t> panelRows) {
  constexpr int64_t unit = 16;
  Value address = em.create<LLVM::PtrToIntOp>(em.getI64Type(), base);
  Value first = em.div(address, em.i64(unit));
  Value same = em.add(first, em.i64(static_cast<int64_t>(descriptorBits(type, panelRows))));
  Value inStage = em.add(em.mul(row, type.getRowBytes() / unit),
                         em.div(em.mul(column, type.getElementBytes()), em.i64(unit)));
  return em.add(em.add(same, em.mul(stage, type.getStageBytes() / unit)), inStage);
}

/// The elements of vectors, in order.
SmallVector<Value> flatten(Emitter &em, ValueRange vectors) {
  SmallVector<Value> elements;
  for (Value vector : vectors)
    for (int64_t i = 0; i < cast<VectorType>(vector.getType()).getNumElements(); ++i)
      elements.push_back(em.create<vector::ExtractOp>(vector, i));
  return elements;
}

SmallVector<Value> toVectors(Emitter &em, Value elements, TypeRange types) {
  SmallVector<Value> vectors;
  int64_t next = 0;
  for (Type type : types) {
    SmallVector<Value> parts;
    for (int64_t i = 0; i < cast<VectorType>(type).getNumElements(); ++i)
      parts.push_back(em.create<LLVM::ExtractValueOp>(elements, next++));
    vectors.push_back(em.create<vector::FromElementsOp>(type, parts));
  }
  return vectors;
}

/// Instructions that read and write sums as $0, $1, …. What else they read has numbers behind twice
/// as many, since each sum is an operand, too.
SmallVector<Value> emitOnSums(Emitter &em, ValueRange sums, StringRef text, StringRef constraints,
                              ValueRange others) {
  SmallVector<Value> operands = flatten(em, sums);
  size_t count = operands.size();
  Type element = operands.front().getType();
  auto type = LLVM::LLVMStructType::getLiteral(em.getContext(), SmallVector<Type>(count, element));
  std::string all, tied;
  for (size_t i = 0; i < count; ++i) {
    all += (i ? "," : "") + std::string(element.isF32() ? "=f" : "=r");
    tied += "," + std::to_string(i);
  }
  llvm::append_range(operands, others);
  std::string list = all + tied;
  if (!constraints.empty())
    list += "," + constraints.str();
  return toVectors(em, emitPtx(em, type, text, list, operands), sums.getTypes());
}

struct LowerMultiply : ConvertOpToLLVMPattern<MultiplyOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(MultiplyOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter em(rewriter, op.getLoc());
    std::optional<int64_t> panel;
    if (op.getPanel())
      panel = *op.getPanel();
    Value left = describe(em, op.getLeft().getType(), adaptor.getLeft(), adaptor.getLeftStage(),
                          adaptor.getLeftRow(), adaptor.getLeftColumn(), std::nullopt);
    Value right = describe(em, op.getRight().getType(), adaptor.getRight(), adaptor.getRightStage(),
                           adaptor.getRightRow(), adaptor.getRightColumn(), panel);
    Value accumulates = em.create<arith::ExtUIOp>(em.getI32Type(), adaptor.getAccumulates());
    SmallVector<Value> others = {left, right, accumulates};
    if (op.getPlaces())
      others.push_back(adaptor.getPlaces());
    rewriter.replaceOp(op, emitOnSums(em, adaptor.getSums(), getText(op),
                                      op.getPlaces() ? "l,l,r,r" : "l,l,r", others));
    return success();
  }

private:
  /// Operands behind the sums, which are there twice.
  static std::string getText(MultiplyOp op) {
    size_t sums = op.getSums().size() * 8;
    std::string list;
    for (size_t i = 0; i < sums; ++i)
      list += (i ? ", $" : "$") + std::to_string(i);
    Number number = op.getLeftNumber();
    bool isHalf = number == Number::F16 || number == Number::BF16;
    // Signs of both operands; and whether they are turned.
    std::string tail = isInteger(number) ? "" : ", 1, 1";
    if (isHalf)
      tail += op.getPanel() ? ", 0, 1" : ", 0, 0";
    bool isSparse = bool(op.getPlaces());
    int64_t depth = depthOf(op.getLeft().getType()) * (isSparse ? 2 : 1);
    std::string places;
    if (isSparse)
      places = llvm::formatv("${0}, {1}, ", 2 * sums + 3, op.getPart());
    return llvm::formatv(
        "{{\n\t"
        ".reg .pred accumulates;\n\t"
        "setp.ne.b32 accumulates, ${0}, 0;\n\t"
        "wgmma.mma_async.{1}sync.aligned.m64n{2}k{3}.{4}.{5}.{6} {{{7}}, ${8}, ${9}, "
        "{10}accumulates{11};\n\t"
        "}",
        2 * sums + 2, isSparse ? "sp." : "", op.getSums().size() * kSide, depth,
        isInteger(number) ? "s32" : "f32", nameOf(number), nameOf(op.getRightNumber()), list,
        2 * sums, 2 * sums + 1, places, tail);
  }
};

struct LowerFenceProducts : ConvertOpToLLVMPattern<FenceProductsOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(FenceProductsOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::WgmmaFenceAlignedOp>(op);
    return success();
  }
};

struct LowerCommitProducts : ConvertOpToLLVMPattern<CommitProductsOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(CommitProductsOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::WgmmaGroupSyncAlignedOp>(op);
    return success();
  }
};

struct LowerWaitProducts : ConvertOpToLLVMPattern<WaitProductsOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(WaitProductsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (op.getSums().empty()) {
      rewriter.replaceOpWithNewOp<NVVM::WgmmaWaitGroupSyncOp>(op, op.getPending());
      return success();
    }
    Emitter em(rewriter, op.getLoc());
    std::string text = llvm::formatv("wgmma.wait_group.sync.aligned {0};", op.getPending());
    rewriter.replaceOp(op, emitOnSums(em, adaptor.getSums(), text, "", {}));
    return success();
  }
};

} // namespace

void populatePipelinePatterns(LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  converter.addConversion([](BarriersType type) {
    return LLVM::LLVMPointerType::get(type.getContext(), kSharedSpace);
  });
  patterns.add<LowerWarpgroup, LowerRegisters, LowerMeet, LowerMeetWarpgroup, LowerClusterRank,
               LowerMeetCluster, LowerBarriers, LowerStartBarriers, LowerExpect, LowerArrive,
               LowerAwait, LowerBring, LowerMultiply, LowerFenceProducts, LowerCommitProducts,
               LowerWaitProducts>(converter);
}

} // namespace tenon::cuda
