// The families of operators. Each is one file here; a new one is declared and called below.

#ifndef TENON_LIB_IMPORTER_OPS_OPS_H
#define TENON_LIB_IMPORTER_OPS_OPS_H

namespace tenon {

class OpRegistry;

void registerActivationOps(OpRegistry &registry);
void registerAlignmentOps(OpRegistry &registry);
void registerAttentionLstmOps(OpRegistry &registry);
void registerAttentionOps(OpRegistry &registry);
void registerBeamSearchOps(OpRegistry &registry);
void registerBlockQuantizedOps(OpRegistry &registry);
void registerCachedAttentionOps(OpRegistry &registry);
void registerClassicalModelOps(OpRegistry &registry);
void registerConstantOps(OpRegistry &registry);
void registerControlFlowOps(OpRegistry &registry);
void registerConvolutionOps(OpRegistry &registry);
void registerDeformableConvolutionOps(OpRegistry &registry);
void registerEinsumOps(OpRegistry &registry);
void registerElementwiseOps(OpRegistry &registry);
void registerElementwiseContribOps(OpRegistry &registry);
void registerEmbeddingOps(OpRegistry &registry);
void registerExpertOps(OpRegistry &registry);
void registerFlexAttentionOps(OpRegistry &registry);
void registerFusedProductOps(OpRegistry &registry);
void registerGatherOps(OpRegistry &registry);
void registerGeneratorOps(OpRegistry &registry);
void registerGradientOps(OpRegistry &registry);
void registerGreedySearchOps(OpRegistry &registry);
void registerHashOps(OpRegistry &registry);
void registerHyperConnectionOps(OpRegistry &registry);
void registerImageOps(OpRegistry &registry);
void registerMapOps(OpRegistry &registry);
void registerMatMulOps(OpRegistry &registry);
void registerMovementOps(OpRegistry &registry);
void registerNormalizationOps(OpRegistry &registry);
void registerNormalizationContribOps(OpRegistry &registry);
void registerNumericOps(OpRegistry &registry);
void registerOldOps(OpRegistry &registry);
void registerOptionalOps(OpRegistry &registry);
void registerPackedAttentionOps(OpRegistry &registry);
void registerPadOps(OpRegistry &registry);
void registerPoolingOps(OpRegistry &registry);
void registerQuantizationOps(OpRegistry &registry);
void registerQuantizedElementwiseOps(OpRegistry &registry);
void registerQuantizedProductOps(OpRegistry &registry);
void registerQuantizedRecurrentOps(OpRegistry &registry);
void registerRandomOps(OpRegistry &registry);
void registerRecurrentOps(OpRegistry &registry);
void registerReductionOps(OpRegistry &registry);
void registerReshapeOps(OpRegistry &registry);
void registerResizeOps(OpRegistry &registry);
void registerSamplingOps(OpRegistry &registry);
void registerScanOps(OpRegistry &registry);
void registerScatterOps(OpRegistry &registry);
void registerSelectionOps(OpRegistry &registry);
void registerSequenceLoopOps(OpRegistry &registry);
void registerSequenceModelOps(OpRegistry &registry);
void registerSequenceOps(OpRegistry &registry);
void registerSliceOps(OpRegistry &registry);
void registerSoftmaxOps(OpRegistry &registry);
void registerSparseAttentionOps(OpRegistry &registry);
void registerStringOps(OpRegistry &registry);
void registerSupportVectorOps(OpRegistry &registry);
void registerTensorContribOps(OpRegistry &registry);
void registerTrainingOps(OpRegistry &registry);
void registerTransformerContribOps(OpRegistry &registry);
void registerTransposedConvolutionOps(OpRegistry &registry);
void registerTreeEnsembleOps(OpRegistry &registry);

inline void registerAllOps(OpRegistry &registry) {
  registerActivationOps(registry);
  registerAlignmentOps(registry);
  registerAttentionLstmOps(registry);
  registerAttentionOps(registry);
  registerBeamSearchOps(registry);
  registerBlockQuantizedOps(registry);
  registerCachedAttentionOps(registry);
  registerClassicalModelOps(registry);
  registerConstantOps(registry);
  registerControlFlowOps(registry);
  registerConvolutionOps(registry);
  registerDeformableConvolutionOps(registry);
  registerEinsumOps(registry);
  registerElementwiseOps(registry);
  registerElementwiseContribOps(registry);
  registerEmbeddingOps(registry);
  registerExpertOps(registry);
  registerFlexAttentionOps(registry);
  registerFusedProductOps(registry);
  registerGatherOps(registry);
  registerGeneratorOps(registry);
  registerGradientOps(registry);
  registerGreedySearchOps(registry);
  registerHashOps(registry);
  registerHyperConnectionOps(registry);
  registerImageOps(registry);
  registerMapOps(registry);
  registerMatMulOps(registry);
  registerMovementOps(registry);
  registerNormalizationOps(registry);
  registerNormalizationContribOps(registry);
  registerNumericOps(registry);
  registerOldOps(registry);
  registerOptionalOps(registry);
  registerPackedAttentionOps(registry);
  registerPadOps(registry);
  registerPoolingOps(registry);
  registerQuantizationOps(registry);
  registerQuantizedElementwiseOps(registry);
  registerQuantizedProductOps(registry);
  registerQuantizedRecurrentOps(registry);
  registerRandomOps(registry);
  registerRecurrentOps(registry);
  registerReductionOps(registry);
  registerReshapeOps(registry);
  registerResizeOps(registry);
  registerSamplingOps(registry);
  registerScanOps(registry);
  registerScatterOps(registry);
  registerSelectionOps(registry);
  registerSequenceLoopOps(registry);
  registerSequenceModelOps(registry);
  registerSequenceOps(registry);
  registerSliceOps(registry);
  registerSoftmaxOps(registry);
  registerSparseAttentionOps(registry);
  registerStringOps(registry);
  registerSupportVectorOps(registry);
  registerTensorContribOps(registry);
  registerTrainingOps(registry);
  registerTransformerContribOps(registry);
  registerTransposedConvolutionOps(registry);
  registerTreeEnsembleOps(registry);
}

} // namespace tenon

#endif
