// Conversions between attributes and structs, field by field.

#include "passes/Codegen/Cpu/ScheduleAttributes.h"

using namespace mlir;

namespace tenon {

TargetAttr toAttribute(const cpu::TargetInfo &target, MLIRContext *context) {
  return TargetAttr::get(context, target.name, target.vectorBits, target.vectorRegisters,
                         target.fmaPorts, target.fmaLatency, target.l1Bytes, target.l2Bytes,
                         target.l3Bytes, target.hasMaskedOps);
}

FailureOr<cpu::TargetInfo> getTarget(Operation *op) {
  auto module = isa<ModuleOp>(op) ? cast<ModuleOp>(op) : op->getParentOfType<ModuleOp>();
  auto attribute = module->getAttrOfType<TargetAttr>(kTargetAttrName);
  if (!attribute)
    return op->emitError() << "the module has no '" << kTargetAttrName
                           << "': tenon-assign-target gives it one";
  cpu::TargetInfo target;
  target.name = attribute.getName().str();
  target.vectorBits = attribute.getVectorBits();
  target.vectorRegisters = attribute.getVectorRegisters();
  target.fmaPorts = attribute.getFmaPorts();
  target.fmaLatency = attribute.getFmaLatency();
  target.l1Bytes = attribute.getL1Bytes();
  target.l2Bytes = attribute.getL2Bytes();
  target.l3Bytes = attribute.getL3Bytes();
  target.hasMaskedOps = attribute.getMaskedOps();
  return target;
}

ContractionScheduleAttr toAttribute(const cpu::ContractionSchedule &schedule,
                                    MLIRContext *context) {
  return ContractionScheduleAttr::get(context, schedule.lanes, schedule.tileRows,
                                      schedule.tileVectors, schedule.tileLines, schedule.unrollK,
                                      schedule.blockTiles, schedule.packInput, schedule.packWeights,
                                      schedule.prefetchLines, schedule.preferSplitPanels);
}

cpu::ContractionSchedule toStruct(ContractionScheduleAttr attribute) {
  cpu::ContractionSchedule schedule;
  schedule.lanes = attribute.getLanes();
  schedule.tileRows = attribute.getTileRows();
  schedule.tileVectors = attribute.getTileVectors();
  schedule.tileLines = attribute.getTileLines();
  schedule.unrollK = attribute.getUnrollK();
  schedule.blockTiles = attribute.getBlockTiles();
  schedule.packInput = attribute.getPackInput();
  schedule.packWeights = attribute.getPackWeights();
  schedule.prefetchLines = attribute.getPrefetchLines();
  schedule.preferSplitPanels = attribute.getPreferSplitPanels();
  return schedule;
}

DepthwiseScheduleAttr toAttribute(const cpu::DepthwiseSchedule &schedule, MLIRContext *context) {
  return DepthwiseScheduleAttr::get(context, schedule.tileRows, schedule.tileLines,
                                    schedule.keepWeights, schedule.channelsInside,
                                    schedule.prefetchInput);
}

cpu::DepthwiseSchedule toStruct(DepthwiseScheduleAttr attribute) {
  cpu::DepthwiseSchedule schedule;
  schedule.tileRows = attribute.getTileRows();
  schedule.tileLines = attribute.getTileLines();
  schedule.keepWeights = attribute.getKeepWeights();
  schedule.channelsInside = attribute.getChannelsInside();
  schedule.prefetchInput = attribute.getPrefetchInput();
  return schedule;
}

WinogradScheduleAttr toAttribute(const cpu::WinogradSchedule &schedule, MLIRContext *context) {
  return WinogradScheduleAttr::get(context, schedule.outputTile, schedule.tileRows,
                                   schedule.tileVectors, schedule.blockTiles,
                                   schedule.prefetchLines);
}

cpu::WinogradSchedule toStruct(WinogradScheduleAttr attribute) {
  cpu::WinogradSchedule schedule;
  schedule.outputTile = attribute.getOutputTile();
  schedule.tileRows = attribute.getTileRows();
  schedule.tileVectors = attribute.getTileVectors();
  schedule.blockTiles = attribute.getBlockTiles();
  schedule.prefetchLines = attribute.getPrefetchLines();
  return schedule;
}

AttentionScheduleAttr toAttribute(const cpu::AttentionSchedule &schedule, MLIRContext *context) {
  return AttentionScheduleAttr::get(context, toAttribute(schedule.scores, context),
                                    toAttribute(schedule.values, context), schedule.rowBlock,
                                    schedule.keyBlock, schedule.groupBlocks, schedule.packKeys,
                                    schedule.packValues);
}

cpu::AttentionSchedule toStruct(AttentionScheduleAttr attribute) {
  cpu::AttentionSchedule schedule;
  schedule.scores = toStruct(attribute.getScores());
  schedule.values = toStruct(attribute.getValues());
  schedule.rowBlock = attribute.getRowBlock();
  schedule.keyBlock = attribute.getKeyBlock();
  schedule.groupBlocks = attribute.getGroupBlocks();
  schedule.packKeys = attribute.getPackKeys();
  schedule.packValues = attribute.getPackValues();
  return schedule;
}

} // namespace tenon
