"""The engines: Tenon and its peers, each loading a model, running it, and running it again with nothing to copy.

Every engine has the best that its interface offers for repeated runs: all optimizations, bound inputs,
outputs in memory that is there already. They do not report what they do to anyone.
"""
import importlib.util
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
sys.modules.setdefault("openvino_telemetry", None)  # to OpenVINO it looks as if it were not installed


class OnnxRuntime:
    package = "onnxruntime"
    provider = "CPUExecutionProvider"

    def __init__(self, cpus, precision):
        self.cpus = cpus
        self.precision = precision
        self.notes = []

    def load(self, path):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = len(self.cpus)
        options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        if len(self.cpus) > 1:  # the calling thread is the first one; its CPUs count from 1
            others = ";".join(str(cpu + 1) for cpu in self.cpus[1:])
            options.add_session_config_entry("session.intra_op_thread_affinities", others)
        self.session = ort.InferenceSession(str(path), options, providers=[self.provider])
        if self.provider not in self.session.get_providers():
            raise RuntimeError(f"this ONNX Runtime has no {self.provider}")

    def run(self, inputs):
        return self.session.run(None, dict(zip([i.name for i in self.session.get_inputs()], inputs)))

    def bind(self, inputs):
        """A call that runs it, and one that returns the outputs of the last run."""
        import onnxruntime as ort

        results = self.run(inputs)
        names = [i.name for i in self.session.get_inputs()]
        if any(not hasattr(a, "dtype") or a.dtype.kind in "OUS" for a in [*inputs, *results]):
            feeds = dict(zip(names, inputs))  # strings and sequences cannot be bound
            return lambda: self.session.run(None, feeds), lambda: results
        binding = self.session.io_binding()
        held = [ort.OrtValue.ortvalue_from_numpy(a) for a in [*inputs, *results]]
        outputs = held[len(inputs):]
        for name, value in zip(names, held):
            binding.bind_ortvalue_input(name, value)
        for output, value in zip(self.session.get_outputs(), outputs):
            binding.bind_ortvalue_output(output.name, value)
        return (lambda: self.session.run_with_iobinding(binding)), (lambda: [v.numpy() for v in outputs])


class OnnxRuntimeCuda(OnnxRuntime):
    """On a GPU; inputs and outputs stay the host's, as ours do."""

    provider = "CUDAExecutionProvider"


class TorchCompile:
    """The model as a module of PyTorch's, by onnx2torch, compiled for the GPU with all that torch.compile tries."""

    package = "onnx2torch"

    def __init__(self, cpus, precision):
        self.cpus = cpus
        self.precision = precision
        self.notes = []

    def load(self, path):
        import torch
        from onnx2torch import convert

        torch.set_float32_matmul_precision("highest")
        self.module = torch.compile(convert(str(path)).eval().cuda(), mode="max-autotune")

    def bind(self, inputs):
        import torch

        held = [torch.from_numpy(a) for a in inputs]

        def call():
            with torch.inference_mode():
                results = self.module(*[a.cuda() for a in held])
            self.results = [r.cpu() for r in (results if isinstance(results, (list, tuple)) else [results])]

        call()
        return call, lambda: [r.numpy() for r in self.results]


class OpenVino:
    """`precision` is the hint for its float arithmetic; None leaves that to OpenVINO."""

    package = "openvino"

    def __init__(self, cpus, precision):
        self.cpus = cpus
        self.precision = precision
        self.notes = []

    def load(self, path):
        import openvino

        properties = {"INFERENCE_NUM_THREADS": len(self.cpus), "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        if self.precision:
            properties["INFERENCE_PRECISION_HINT"] = self.precision
        core = openvino.Core()
        try:
            self.model = core.compile_model(core.read_model(str(path)), "CPU", properties)
        except RuntimeError as error:  # the places in its sources come first
            raise RuntimeError(re.sub(r"(Exception from|Check '.*?' failed at) \S+", "", str(error))) from None
        chosen = self.model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if self.precision and chosen != self.precision:
            self.notes.append(f"computes in {chosen} instead of {self.precision}")
        self.precision = chosen

    def run(self, inputs):
        request = self._request(inputs)
        request.infer(share_outputs=True)
        return self._outputs(request)

    def bind(self, inputs):
        request = self._request(inputs)
        call = lambda: request.infer(share_outputs=True)  # noqa: E731
        call()
        return call, lambda: self._outputs(request)

    def _request(self, inputs):
        import openvino

        request = self.model.create_infer_request()
        for index, array in enumerate(inputs):
            request.set_input_tensor(index, openvino.Tensor(array, shared_memory=array.dtype.kind not in "OUS"))
        return request

    def _outputs(self, request):
        return [request.get_output_tensor(i).data for i in range(len(self.model.outputs))]


class Tenon:
    """`library` is the compiled model."""

    package = "tenon"

    def __init__(self, cpus, precision, library):
        self.cpus = cpus
        self.precision = precision
        self.library = library
        self.notes = []

    def load(self, path):
        import tenon

        self.model = tenon.load(str(self.library), threads=len(self.cpus), pin=len(self.cpus) > 1)

    def bind(self, inputs):
        call = self.model.bind(inputs)
        call()
        return call, lambda: [call()[output.name] for output in self.model.outputs]


PEERS = {
    "ort": (OnnxRuntime, "f32"),
    "openvino-f32": (OpenVino, "f32"),
    "openvino-bf16": (OpenVino, "bf16"),
    "openvino-int8": (OpenVino, None),
    "ort-cuda": (OnnxRuntimeCuda, "f32"),
    "torch-cuda": (TorchCompile, "f32"),
}
# Forms of Tenon that need no options of their own.
TENON_FORMS = {"fp32": ""}


def parse_peers(text):
    """Names from a comma separated list; a ValueError says what to do about one that cannot run."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PEERS:
            raise ValueError(f"unknown peer '{name}'; there are {', '.join(PEERS)}")
        package = PEERS[name][0].package
        if importlib.util.find_spec(package) is None:
            how = {"onnxruntime": "scripts/setup", "openvino": "scripts/setup --peers"}.get(package, f"pip install {package}")
            raise ValueError(f"peer '{name}' needs the Python package {package}, which is not installed; "
                             f"`{how}` installs it into .venv")
    return list(dict.fromkeys(names))


def parse_tenon_forms(texts):
    """Label -> options of `tenon compile`, from NAME or NAME=OPTIONS, several NAMEs also with commas."""
    forms = {}
    for text in texts:
        name, has_options, options = text.partition("=")
        if has_options:
            forms[f"tenon-{name}"] = options
            continue
        for known in name.split(","):
            if known not in TENON_FORMS:
                raise ValueError(f"unknown form '{known}' of Tenon; there is {', '.join(TENON_FORMS)}, or say "
                                 f"what it means with {known}=OPTIONS, options being those of tenon compile")
            forms[f"tenon-{known}"] = TENON_FORMS[known]
    return forms


def precision_of(options):
    """The precision that options of `tenon compile` ask for."""
    found = re.search(r"--precision[= ](\w+)", options)
    return found[1] if found else "f32"


def why_unsuitable(peer, kind):
    """Why a peer is none for models of this kind; empty if it is one."""
    return "not a quantized model" if peer == "openvino-int8" and kind != "quantized" else ""


def make(spec, cpus):
    """The engine that a worker's description asks for."""
    if "library" in spec:
        return Tenon(cpus, precision_of(spec["options"]), spec["library"])
    kind, precision = PEERS[spec["engine"]]
    return kind(cpus, precision)
