#include "pack/ip.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "pack/system_rtl.h"

namespace qloom::pack {
namespace {

constexpr const char* kSynthesis = "xilinx_anylanguagesynthesis";
constexpr const char* kSimulation = "xilinx_anylanguagebehavioralsimulation";

// One signal of an AXI4-Stream interface.
struct Signal {
    const char* name;  // "tdata"
    int width;
    bool from_master;
};

struct Interface {
    std::string name;  // "s_axis_0"
    bool is_input = true;
    int data_bits = 8;
    bool has_keep = false;
    bool has_last = false;

    [[nodiscard]] std::vector<Signal> signals() const {
        std::vector<Signal> list{{"tdata", data_bits, true}};
        if (has_keep) list.push_back({"tkeep", data_bits / 8, true});
        if (has_last) list.push_back({"tlast", 1, true});
        list.push_back({"tvalid", 1, true});
        list.push_back({"tready", 1, false});
        return list;
    }
};

std::vector<Interface> interfaces_of(const hw::Accelerator& accelerator,
                                     const std::optional<StreamPlan>& plan) {
    std::vector<Interface> list;
    if (plan) {
        list.push_back({"s_axis_0", true, plan->input.dma_bits, true, true});
        list.push_back({"m_axis_0", false, plan->output.dma_bits, true, true});
        return list;
    }
    for (const hw::Port& port : accelerator.inputs)
        list.push_back({port.name, true, port.data_bits, false, false});
    for (const hw::Port& port : accelerator.outputs)
        list.push_back({port.name, false, port.data_bits, false, true});
    return list;
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

// An XML document under construction: elements of the SPIRIT namespace, two blanks a level.
class Xml {
public:
    template <class Body>
    void in(const std::string& element, Body&& body, const std::string& attributes = {}) {
        line(fmt::format("<{}{}>", element, attributes));
        ++depth_;
        body();
        --depth_;
        line(fmt::format("</{}>", element));
    }
    void leaf(const std::string& element, const std::string& text,
              const std::string& attributes = {}) {
        line(fmt::format("<{0}{2}>{1}</{0}>", element, escaped(text), attributes));
    }
    void empty(const std::string& element, const std::string& attributes = {}) {
        line(fmt::format("<{}{}/>", element, attributes));
    }
    void line(const std::string& text) {
        text_ += std::string(2 * static_cast<std::size_t>(depth_), ' ') + text + "\n";
    }
    std::string take() { return std::move(text_); }

private:
    static std::string escaped(const std::string& text) {
        std::string result;
        for (const char c : text) {
            result += c == '&'   ? "&amp;"
                      : c == '<' ? "&lt;"
                      : c == '>' ? "&gt;"
                                 : std::string(1, c);
        }
        return result;
    }

    std::string text_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    int depth_ = 0;
};

std::string vlnv_attributes(const char* library, const std::string& name) {
    return fmt::format(
        " spirit:vendor=\"xilinx.com\" spirit:library=\"{}\" spirit:name=\"{}\" "
        "spirit:version=\"1.0\"",
        library, name);
}

void write_bus(Xml& xml, const std::string& name, const char* library, const std::string& bus,
               bool is_slave, const std::vector<std::pair<std::string, std::string>>& port_maps,
               const std::vector<std::pair<std::string, std::string>>& parameters) {
    xml.in("spirit:busInterface", [&] {
        xml.leaf("spirit:name", name);
        xml.empty("spirit:busType", vlnv_attributes(library, bus));
        xml.empty("spirit:abstractionType", vlnv_attributes(library, bus + "_rtl"));
        xml.empty(is_slave ? "spirit:slave" : "spirit:master");
        xml.in("spirit:portMaps", [&] {
            for (const auto& [logical, physical] : port_maps) {
                xml.in("spirit:portMap", [&] {
                    xml.in("spirit:logicalPort", [&] { xml.leaf("spirit:name", logical); });
                    xml.in("spirit:physicalPort", [&] { xml.leaf("spirit:name", physical); });
                });
            }
        });
        xml.in("spirit:parameters", [&] {
            for (const auto& [parameter, value] : parameters) {
                xml.in("spirit:parameter", [&] {
                    xml.leaf("spirit:name", parameter);
                    xml.leaf("spirit:value", value,
                             fmt::format(" spirit:id=\"BUSIFPARAM_VALUE.{}.{}\"", upper(name),
                                         parameter));
                });
            }
        });
    });
}

void write_interfaces(Xml& xml, const std::vector<Interface>& interfaces) {
    xml.in("spirit:busInterfaces", [&] {
        std::string names;
        for (const Interface& interface : interfaces) {
            std::vector<std::pair<std::string, std::string>> maps;
            for (const Signal& signal : interface.signals()) {
                maps.emplace_back(upper(signal.name), interface.name + "_" + signal.name);
            }
            write_bus(xml, interface.name, "interface", "axis", interface.is_input, maps,
                      {{"TDATA_NUM_BYTES", fmt::format("{}", interface.data_bits / 8)},
                       {"TDEST_WIDTH", "0"},
                       {"TID_WIDTH", "0"},
                       {"TUSER_WIDTH", "0"},
                       {"HAS_TREADY", "1"},
                       {"HAS_TSTRB", "0"},
                       {"HAS_TKEEP", interface.has_keep ? "1" : "0"},
                       {"HAS_TLAST", interface.has_last ? "1" : "0"}});
            names += (names.empty() ? "" : ":") + interface.name;
        }
        write_bus(xml, "ap_rst_n", "signal", "reset", true, {{"RST", "ap_rst_n"}},
                  {{"POLARITY", "ACTIVE_LOW"}});
        write_bus(xml, "ap_clk", "signal", "clock", true, {{"CLK", "ap_clk"}},
                  {{"ASSOCIATED_BUSIF", names}, {"ASSOCIATED_RESET", "ap_rst_n"}});
    });
}

void write_view(Xml& xml, const char* name, const char* environment, const char* file_set,
                const std::string& top) {
    xml.in("spirit:view", [&] {
        xml.leaf("spirit:name", name);
        xml.leaf("spirit:envIdentifier", environment);
        if (!top.empty()) {
            xml.leaf("spirit:language", "SystemVerilog");
            xml.leaf("spirit:modelName", top);
        }
        xml.in("spirit:fileSetRef", [&] { xml.leaf("spirit:localName", file_set); });
    });
}

void write_port(Xml& xml, const std::string& name, bool is_input, int width, bool is_vector,
                bool ones_when_open) {
    xml.in("spirit:port", [&] {
        xml.leaf("spirit:name", name);
        xml.in("spirit:wire", [&] {
            xml.leaf("spirit:direction", is_input ? "in" : "out");
            if (is_vector) {
                xml.in("spirit:vector", [&] {
                    xml.leaf("spirit:left", fmt::format("{}", width - 1),
                             " spirit:format=\"long\"");
                    xml.leaf("spirit:right", "0", " spirit:format=\"long\"");
                });
            }
            xml.in("spirit:wireTypeDefs", [&] {
                xml.in("spirit:wireTypeDef", [&] {
                    xml.leaf("spirit:typeName", "wire");
                    xml.leaf("spirit:viewNameRef", kSynthesis);
                    xml.leaf("spirit:viewNameRef", kSimulation);
                });
            });
            if (ones_when_open) {
                xml.in("spirit:driver", [&] {
                    xml.leaf(
                        "spirit:defaultValue",
                        fmt::format("0x{}",
                                    std::string(static_cast<std::size_t>(width + 3) / 4, 'F')),
                        fmt::format(" spirit:format=\"bitString\" spirit:bitStringLength=\"{}\"",
                                    width));
                });
            }
        });
    });
}

void write_model(Xml& xml, const std::vector<Interface>& interfaces, const std::string& top) {
    xml.in("spirit:model", [&] {
        xml.in("spirit:views", [&] {
            write_view(xml, kSynthesis, ":vivado.xilinx.com:synthesis", "sources_synthesis", top);
            write_view(xml, kSimulation, ":vivado.xilinx.com:simulation", "sources_simulation",
                       top);
            write_view(xml, "xilinx_xpgui", ":vivado.xilinx.com:xgui.ui", "xpgui", "");
        });
        xml.in("spirit:ports", [&] {
            write_port(xml, "ap_clk", true, 1, false, false);
            write_port(xml, "ap_rst_n", true, 1, false, false);
            for (const Interface& interface : interfaces) {
                for (const Signal& signal : interface.signals()) {
                    const bool is_input = signal.from_master == interface.is_input;
                    const std::string name = signal.name;
                    const bool is_vector = name == "tdata" || name == "tkeep";
                    write_port(xml, interface.name + "_" + name, is_input, signal.width, is_vector,
                               is_input && name == "tkeep");
                }
            }
        });
    });
}

void write_file_set(Xml& xml, const char* name, const std::vector<std::string>& sources,
                    const std::vector<std::string>& memories) {
    xml.in("spirit:fileSet", [&] {
        xml.leaf("spirit:name", name);
        for (const std::string& memory : memories) {
            xml.in("spirit:file", [&] {
                xml.leaf("spirit:name", "src/" + memory);
                xml.leaf("spirit:userFileType", "mem");
            });
        }
        for (const std::string& source : sources) {
            xml.in("spirit:file", [&] {
                xml.leaf("spirit:name", "src/" + source);
                xml.leaf("spirit:fileType", "systemVerilogSource");
            });
        }
    });
}

constexpr const char* kFamilies[] = {"artix7",      "artixuplus", "kintex7",  "kintexu",
                                     "kintexuplus", "spartan7",   "virtex7",  "virtexu",
                                     "virtexuplus", "zynq",       "zynquplus"};
constexpr const char* kGuiFile = "xgui/qloom_accelerator_v1_0.tcl";

std::string list_text(const std::vector<emit::TextFile>& rtl) {
    const auto list = std::ranges::find(rtl, "rtl/files.f", &emit::TextFile::path);
    QLOOM_ASSERT(list != rtl.end(), "emit writes rtl/files.f");
    return list->text;
}

}  // namespace

std::string ip_top_text(const StreamPlan& plan) {
    const DmaStream& in = plan.input;
    const DmaStream& out = plan.output;
    std::string text = fmt::format(
        R"(// qloom_ip: the accelerator with streams that a DMA has, made by qloom.
//
//   s_axis_0 ({0} bits) {2}--> qloom_stream {3}--> m_axis_0 ({1} bits)
//
// A packet on s_axis_0 is one frame or several ({4} byte(s) each); tlast ends it. Its results ({5} byte(s) a frame) leave as
// one packet. Between packets nothing is kept.
`default_nettype none
module qloom_ip (
    input  wire  logic ap_clk,
    input  wire  logic ap_rst_n,
    input  wire  logic [{6}:0] s_axis_0_tdata,
    input  wire  logic [{7}:0] s_axis_0_tkeep,
    input  wire  logic s_axis_0_tlast,
    input  wire  logic s_axis_0_tvalid,
    output       logic s_axis_0_tready,
    output       logic [{8}:0] m_axis_0_tdata,
    output       logic [{9}:0] m_axis_0_tkeep,
    output       logic m_axis_0_tlast,
    output       logic m_axis_0_tvalid,
    input  wire  logic m_axis_0_tready
);
    logic [{10}:0] in_tdata;
    logic in_tlast, in_tvalid, in_tready;
    logic [{11}:0] out_tdata;
    logic out_tlast, out_tvalid, out_tready;
)",
        in.dma_bits, out.dma_bits, in.has_gearbox() ? "--> ql_axis_gearbox " : "",
        out.has_gearbox() ? "--> ql_axis_gearbox " : "", plan.input_bytes, plan.output_bytes,
        in.dma_bits - 1, in.dma_bits / 8 - 1, out.dma_bits - 1, out.dma_bits / 8 - 1,
        in.core_bits - 1, out.core_bits - 1);
    if (in.has_gearbox()) {
        text += fmt::format(
            R"(
    logic [{2}:0] unused_in_tkeep;  // frames are whole beats
    ql_axis_gearbox #(.InBytes({0}), .OutBytes({1})) to_core (
        .clk(ap_clk), .rst(!ap_rst_n), .s_axis_tdata(s_axis_0_tdata), .s_axis_tkeep(s_axis_0_tkeep),
        .s_axis_tlast(s_axis_0_tlast), .s_axis_tvalid(s_axis_0_tvalid), .s_axis_tready(s_axis_0_tready),
        .m_axis_tdata(in_tdata), .m_axis_tkeep(unused_in_tkeep), .m_axis_tlast(in_tlast),
        .m_axis_tvalid(in_tvalid), .m_axis_tready(in_tready)
    );
)",
            in.dma_bits / 8, in.core_bits / 8, in.core_bits / 8 - 1);
    } else {
        text += R"(
    wire unused_tkeep = &{1'b0, s_axis_0_tkeep};  // frames are whole beats
    assign in_tdata        = s_axis_0_tdata;
    assign in_tlast        = s_axis_0_tlast;
    assign in_tvalid       = s_axis_0_tvalid;
    assign s_axis_0_tready = in_tready;
)";
    }
    text += R"(
    qloom_stream stream (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
        .s_axis_0_tdata(in_tdata), .s_axis_0_tlast(in_tlast), .s_axis_0_tvalid(in_tvalid), .s_axis_0_tready(in_tready),
        .m_axis_0_tdata(out_tdata), .m_axis_0_tlast(out_tlast), .m_axis_0_tvalid(out_tvalid),
        .m_axis_0_tready(out_tready)
    );
)";
    if (out.has_gearbox()) {
        text += fmt::format(
            R"(
    ql_axis_gearbox #(.InBytes({0}), .OutBytes({1})) from_core (
        .clk(ap_clk), .rst(!ap_rst_n), .s_axis_tdata(out_tdata), .s_axis_tkeep({{{0}{{1'b1}}}}),
        .s_axis_tlast(out_tlast), .s_axis_tvalid(out_tvalid), .s_axis_tready(out_tready),
        .m_axis_tdata(m_axis_0_tdata), .m_axis_tkeep(m_axis_0_tkeep), .m_axis_tlast(m_axis_0_tlast),
        .m_axis_tvalid(m_axis_0_tvalid), .m_axis_tready(m_axis_0_tready)
    );
)",
            out.core_bits / 8, out.dma_bits / 8);
    } else {
        text += R"(
    assign m_axis_0_tdata  = out_tdata;
    assign m_axis_0_tkeep  = '1;
    assign m_axis_0_tlast  = out_tlast;
    assign m_axis_0_tvalid = out_tvalid;
    assign out_tready      = m_axis_0_tready;
)";
    }
    return text + "endmodule\n`default_nettype wire\n";
}

std::string component_xml(const hw::Accelerator& accelerator, const std::optional<StreamPlan>& plan,
                          const std::vector<std::string>& sources,
                          const std::vector<std::string>& memories) {
    const std::vector<Interface> interfaces = interfaces_of(accelerator, plan);
    Xml xml;
    xml.in(
        "spirit:component",
        [&] {
            xml.leaf("spirit:vendor", "qloom");
            xml.leaf("spirit:library", "accelerator");
            xml.leaf("spirit:name", "qloom_accelerator");
            xml.leaf("spirit:version", "1.0");
            write_interfaces(xml, interfaces);
            write_model(xml, interfaces, plan ? "qloom_ip" : "qloom_top");
            xml.in("spirit:fileSets", [&] {
                write_file_set(xml, "sources_synthesis", sources, memories);
                write_file_set(xml, "sources_simulation", sources, memories);
                xml.in("spirit:fileSet", [&] {
                    xml.leaf("spirit:name", "xpgui");
                    xml.in("spirit:file", [&] {
                        xml.leaf("spirit:name", kGuiFile);
                        xml.leaf("spirit:fileType", "tclSource");
                    });
                });
            });
            xml.leaf("spirit:description",
                     fmt::format("A quantised neural network as a streaming accelerator: a frame "
                                 "every {} clocks, {} clocks "
                                 "from its first beat to its last result.",
                                 accelerator.ii_cycles, accelerator.latency_cycles));
            xml.in("spirit:parameters", [&] {
                xml.in("spirit:parameter", [&] {
                    xml.leaf("spirit:name", "Component_Name");
                    xml.leaf("spirit:value", "qloom_accelerator_v1_0",
                             " spirit:resolve=\"user\" spirit:id=\"PARAM_VALUE.Component_Name\" "
                             "spirit:order=\"1\"");
                });
            });
            xml.in("spirit:vendorExtensions", [&] {
                xml.in("xilinx:coreExtensions", [&] {
                    xml.in("xilinx:supportedFamilies", [&] {
                        for (const char* family : kFamilies) {
                            xml.leaf("xilinx:family", family, " xilinx:lifeCycle=\"Production\"");
                        }
                    });
                    xml.in("xilinx:taxonomies", [&] { xml.leaf("xilinx:taxonomy", "/UserIP"); });
                    xml.leaf("xilinx:displayName", "Qloom accelerator");
                    xml.leaf("xilinx:definitionSource", "package_project");
                    xml.leaf("xilinx:coreRevision", "1");
                });
            });
        },
        " xmlns:spirit=\"http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009\" "
        "xmlns:xilinx=\"http://www.xilinx.com\" "
        "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"");
    return xml.take();
}

std::vector<emit::TextFile> ip_files(const hw::Accelerator& accelerator,
                                     const std::optional<StreamPlan>& plan,
                                     const std::vector<emit::TextFile>& rtl) {
    std::vector<emit::TextFile> files;
    std::vector<std::string> sources;
    std::vector<std::string> memories;
    const auto add = [&](const std::string& name, std::string text) {
        files.push_back({"ip/src/" + name, std::move(text)});
    };
    std::istringstream list(list_text(rtl));
    for (std::string name; std::getline(list, name);) sources.push_back(name);
    for (const emit::TextFile& file : rtl) {
        if (!file.path.starts_with("rtl/")) continue;
        const std::string name = file.path.substr(4);
        if (name.ends_with(".mem")) memories.push_back(name);
        if (name.ends_with(".mem") || name.ends_with(".sv")) add(name, file.text);
    }
    if (plan) {
        const bool has_gearbox = plan->input.has_gearbox() || plan->output.has_gearbox();
        for (emit::TextFile& file : system_rtl(accelerator, plan->memory_bits)) {
            const std::string name = file.path.substr(file.path.rfind('/') + 1);
            const bool wanted = name == "ql_axis_batch.sv" || name == "qloom_stream.sv" ||
                                (name == "ql_axis_gearbox.sv" && has_gearbox);
            if (!wanted) continue;
            sources.push_back(name);
            add(name, std::move(file.text));
        }
        sources.emplace_back("qloom_ip.sv");
        add("qloom_ip.sv", ip_top_text(*plan));
    }
    std::ranges::sort(memories);
    files.push_back({"ip/component.xml", component_xml(accelerator, plan, sources, memories)});
    files.push_back({fmt::format("ip/{}", kGuiFile),
                     "# Nothing to choose but the name.\n"
                     "proc init_gui { IPINST } {\n"
                     "    ipgui::add_param $IPINST -name \"Component_Name\"\n"
                     "}\n"});
    std::ranges::sort(files, {}, &emit::TextFile::path);
    return files;
}

}  // namespace qloom::pack
