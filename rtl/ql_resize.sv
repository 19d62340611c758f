// ql_resize: every element of a beat extended to more bits; wires only.
//
//   data_i (Elems x InW) --> data_o (Elems x OutW)      combinational, no handshake
//
// Model: sign or zero extension   Test: tests/rtl/requantize_test.cpp
// Cost:  none
`default_nettype none
module ql_resize #(
    parameter integer Elems    = 1,  // elements of a beat
    parameter integer InW      = 4,  // bits of an element
    parameter integer InSigned = 0,  // 1: elements are two's complement and keep their sign
    parameter integer OutW     = 8   // bits of an element afterwards, >= InW
) (
    input  wire  logic [ Elems*InW-1:0] data_i,
    output       logic [Elems*OutW-1:0] data_o
);
    if (Elems < 1 || InW < 1 || OutW < InW) begin : gen_check
        $error("ql_resize: Elems and InW must be at least 1, OutW at least InW");
    end

    for (genvar e = 0; e < Elems; e++) begin : gen_element
        if (OutW == InW) begin : gen_same
            assign data_o[e*OutW +: OutW] = data_i[e*InW +: InW];
        end else if (InSigned != 0) begin : gen_signed
            assign data_o[e*OutW +: OutW] = {{(OutW - InW) {data_i[e*InW+InW-1]}}, data_i[e*InW +: InW]};
        end else begin : gen_unsigned
            assign data_o[e*OutW +: OutW] = {{(OutW - InW) {1'b0}}, data_i[e*InW +: InW]};
        end
    end
endmodule
`default_nettype wire
