// The native half of the Python package: verbs, models, errors. What people see is in qloom/*.py.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "base/diagnostic.h"
#include "cli/interrupt.h"
#include "cli/manual.h"
#include "cli/program.h"
#include "cli/program_files.h"
#include "cli/session.h"
#include "cli/verb.h"
#include "data/dataset.h"
#include "model.h"

namespace py = pybind11;

namespace qloom::python {
namespace {

// qloom.Error, made when the module is loaded and kept for the life of the process.
PyObject* error_type = nullptr;

std::string name_of(Code code) {
    const auto codes = all_codes();
    const auto found = std::ranges::find(codes, code, &CodeInfo::code);
    return found == codes.end() ? "" : std::string(found->name);
}

void raise(const Error& error) {
    const Diagnostic& diagnostic = error.diagnostic();
    py::object instance = py::reinterpret_borrow<py::object>(error_type)(diagnostic.text());
    instance.attr("code") = code_text(diagnostic.code);
    instance.attr("name") = name_of(diagnostic.code);
    instance.attr("where") = diagnostic.where;
    instance.attr("what") = diagnostic.what;
    instance.attr("advice") = diagnostic.advice;
    PyErr_SetObject(error_type, instance.ptr());
}

// Calls into Python with the interpreter locked; a pending Ctrl-C becomes KeyboardInterrupt.
template <class F>
void heard(F&& call) {
    const py::gil_scoped_acquire locked;
    call();
    if (PyErr_CheckSignals() != 0) {
        throw py::error_already_set();
    }
}

// A verb as the command line has it: `arguments` without the verb's name; returns the JSON document as text. The interpreter is
// unlocked while it works.
std::string call_verb(const std::string& verb, const std::vector<std::string>& arguments, const py::function& on_text,
                      const py::function& on_note, const py::function& on_progress, const py::function& on_line) {
    const auto text = [](std::string_view bytes) { return std::string(bytes); };
    const cli::Listener listener{
        .text = [&](std::string_view bytes) { heard([&] { on_text(text(bytes)); }); },
        .note = [&](std::string_view bytes) { heard([&] { on_note(text(bytes)); }); },
        .progress = {.update =
                         [&](const ProgressState& state) {
                             heard([&] {
                                 on_progress(text(state.title), state.done, state.total, text(state.details));
                             });
                         },
                     .line = [&](std::string_view bytes) { heard([&] { on_line(text(bytes)); }); }}};
    const py::gil_scoped_release unlocked;
    return cli::call_verb(verb, arguments, listener)
        .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string manual(const std::string& name) {
    for (const auto& verb : cli::make_verbs()) {
        if (verb->name() == name) {
            return cli::manual_text(*verb, 100, false);
        }
    }
    throw py::key_error(name);
}

// (samples, labels, class names) of a dataset: bytes stay bytes.
py::tuple dataset(const std::string& specification, const std::optional<std::int64_t>& frames,
                  const std::string& directory) {
    data::Dataset loaded = data::load(specification, {.directory = directory, .limit = frames});
    const std::vector<std::int64_t> labels(loaded.labels.begin(), loaded.labels.end());
    const auto count = static_cast<std::int64_t>(labels.size());
    const py::array samples =
        loaded.is_bytes() ? array_of(std::move(std::get<Tensor<std::uint8_t>>(loaded.samples)))
                          : array_of(ir::Value(std::move(std::get<Tensor<float>>(loaded.samples))));
    return py::make_tuple(samples, array_of(ir::Value(Tensor<std::int64_t>({count}, labels))), loaded.class_names);
}

PYBIND11_MODULE(_native, module) {
    module.doc() = "The native half of qloom.";
    error_type = PyErr_NewExceptionWithDoc(
        "qloom.Error",
        "What Qloom cannot do as asked: code (\"Q0312\"), name, where, what, advice.\n\nqloom.explain(code) says more.",
        PyExc_RuntimeError, nullptr);
    module.attr("Error") = py::reinterpret_borrow<py::object>(error_type);
    py::register_exception_translator([](std::exception_ptr pointer) {
        try {
            if (pointer) {
                std::rethrow_exception(pointer);
            }
        } catch (const Error& error) {
            raise(error);
        } catch (const cli::Interrupted&) {
            PyErr_SetNone(PyExc_KeyboardInterrupt);
        }
    });
    module.def("call_verb", &call_verb);
    module.def("dataset", &dataset);
    module.def("manual", &manual);
    module.def("version", &cli::version_text);
    module.def("set_program_folder", [](const std::string& folder) { cli::set_program_folder(folder); });
    add_model(module);
}

}  // namespace
}  // namespace qloom::python
