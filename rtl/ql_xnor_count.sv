// ql_xnor_count: number of equal bits of two words, pipelined, built for 6-input LUTs.
//
//   3 x 2 bits --> [2-bit count] --> columns of bits of equal weight
//   columns --> [6:3 counts] --> ... --> [6:3 counts] --> at most 5 rows --> [adder tree] --> count
//
// Six bits of a column become one bit of it and one each of the two next columns, in three LUTs;
// so a bit less costs a LUT, as in an adder, whose carry chain takes over where no column has six
// bits any more. Each count is written as a table of constants: as sums, synthesis would spend a
// carry chain on each.
//
// A register stands after every third level (the first counts, each step of 6:3 counts and each
// level of the adder tree are levels) and after the last. Latency 1 + ceil(clog2(ceil(Inputs / 12)) / 2)
// clocks, the last of which may be idle. One count a clock; everything holds while enable_i is low.
//
// Model: popcount(~(x ^ w))   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_xnor_count #(
    parameter integer Inputs = 18,  // bits compared, 1 to 65535
    parameter integer CountW = 5    // bits of the count, which is taken modulo 2^CountW
) (
    input  wire  logic              clk,
    input  wire  logic              enable_i,
    input  wire  logic [Inputs-1:0] x_i,
    input  wire  logic [Inputs-1:0] w_i,
    output       logic [CountW-1:0] count_o
);
    if (Inputs < 1 || Inputs > 65535 || CountW < 1) begin : gen_check
        $error("ql_xnor_count: Inputs must be 1 to 65535, CountW at least 1");
    end

    localparam integer Columns = $clog2(Inputs + 1);
    localparam integer Triples = (Inputs + 2) / 3;

    // How many bits each column has after so many steps of 6:3 counts: 16 bits a column.
    function automatic [Columns*16-1:0] heights_after(input integer steps);
        integer s, c, own, twos, fours;
        logic [Columns*16-1:0] now, next;
        begin
            now = '0;
            now[15:0] = 16'(Triples);
            if (Columns > 1) now[(Columns>1?16:0) +: 16] = Columns > 1 ? 16'((Inputs + 1) / 3) : 16'(Triples);
            for (s = 0; s < steps; s = s + 1) begin
                twos = 0;
                fours = 0;
                for (c = 0; c < Columns; c = c + 1) begin
                    own = 32'(now[c*16 +: 16]);
                    next[c*16 +: 16] = 16'(own / 6 + own % 6 + twos + fours);
                    fours = twos;
                    twos = own / 6;
                end
                now = next;
            end
            heights_after = now;
        end
    endfunction
    function automatic integer height(input integer steps, input integer column);
        logic [Columns*16-1:0] heights;
        begin
            heights = heights_after(steps);
            height = column < 0 || column >= Columns ? 0 : 32'(heights[column*16 +: 16]);
        end
    endfunction
    // Bits in the columns below.
    function automatic integer offset(input integer steps, input integer column);
        integer c;
        logic [Columns*16-1:0] heights;
        begin
            heights = heights_after(steps);
            offset = 0;
            for (c = 0; c < column; c = c + 1) offset = offset + 32'(heights[c*16 +: 16]);
        end
    endfunction
    function automatic integer highest(input integer steps);
        integer c;
        logic [Columns*16-1:0] heights;
        begin
            heights = heights_after(steps);
            highest = 0;
            for (c = 0; c < Columns; c = c + 1) begin
                if (32'(heights[c*16 +: 16]) > highest) highest = 32'(heights[c*16 +: 16]);
            end
        end
    endfunction
    // Steps until no column has six bits.
    function automatic integer count_steps(input integer most);
        integer s;
        begin
            count_steps = 0;
            for (s = 0; s < most; s = s + 1) begin
                if (highest(s) > 5) count_steps = s + 1;
            end
        end
    endfunction
    localparam integer Steps = count_steps(12);
    localparam integer Rows = highest(Steps);
    localparam integer RowLevels = Rows > 1 ? $clog2(Rows) : 0;
    localparam integer Clocks = (1 + Steps + RowLevels + 2) / 3;
    localparam integer Latency = 1 + ((Inputs > 12 ? $clog2((Inputs + 11) / 12) : 0) + 1) / 2;

`ifdef SYNTHESIS
    localparam integer IsPlain = 0;
`else
    localparam integer IsPlain = 1;
`endif

    if (IsPlain != 0) begin : gen_plain
        logic [       CountW-1:0] count;
        logic [Latency*CountW-1:0] counts_q;
        logic [       Inputs-1:0] equal;
        assign equal = x_i ~^ w_i;
        assign count = CountW'($countones(equal));
        always_ff @(posedge clk) begin : p_counts
            if (enable_i) counts_q <= (Latency*CountW)'({counts_q, count});
        end
        assign count_o = counts_q[(Latency-1)*CountW +: CountW];
    end else begin : gen_columns
        // Bit b of the number of ones in v is OnesB[v].
        localparam [63:0] Ones0 = 64'h6996_9669_9669_6996;
        localparam [63:0] Ones1 = 64'h8117_177e_177e_7ee8;
        localparam [63:0] Ones2 = 64'hfee8_e880_e880_8000;
        // Bits of the number of zeros among three.
        localparam [7:0] Zeros0 = 8'b0110_1001;
        localparam [7:0] Zeros1 = 8'b0001_0111;

        for (genvar s = 0; s <= Steps; s++) begin : gen_step
            localparam integer Bits = offset(s, Columns);
            logic [Bits-1:0] bits, held;
            if (s == 0) begin : gen_first
                for (genvar i = 0; i < Triples; i++) begin : gen_triple
                    // Bits beyond Inputs are set unequal, which counts nothing.
                    localparam integer Own = 3 * i + 3 <= Inputs ? 3 : Inputs - 3 * i;
                    logic [2:0] differ;
                    if (Own == 3) begin : gen_all
                        assign differ = x_i[3*i +: 3] ^ w_i[3*i +: 3];
                    end else begin : gen_some
                        assign differ = {{(3 - Own) {1'b1}}, x_i[3*i +: Own] ^ w_i[3*i +: Own]};
                    end
                    assign bits[i] = Zeros0[differ];
                    if (Own > 1) begin : gen_two
                        assign bits[Triples+i] = Zeros1[differ];
                    end
                end
            end else begin : gen_counts
                for (genvar c = 0; c < Columns; c++) begin : gen_column
                    localparam integer From = offset(s - 1, c);
                    localparam integer Counts = height(s - 1, c) / 6;
                    localparam integer Passed = height(s - 1, c) % 6;
                    localparam integer Ones = offset(s, c);
                    // Where this column's twos and fours go: behind what those columns have themselves.
                    localparam integer Twos = offset(s, c + 1) + height(s - 1, c + 1) / 6 + height(s - 1, c + 1) % 6;
                    localparam integer Fours = offset(s, c + 2) + height(s - 1, c + 2) / 6 + height(s - 1, c + 2) % 6
                                               + height(s - 1, c + 1) / 6;
                    for (genvar k = 0; k < Counts; k++) begin : gen_count
                        logic [5:0] six;
                        assign six = gen_step[s-1].held[From+6*k +: 6];
                        assign bits[Ones+k] = Ones0[six];
                        if (c + 1 < Columns) begin : gen_twos
                            assign bits[Twos+k] = Ones1[six];
                        end
                        if (c + 2 < Columns) begin : gen_fours
                            assign bits[Fours+k] = Ones2[six];
                        end
                    end
                    for (genvar k = 0; k < Passed; k++) begin : gen_pass
                        assign bits[Ones+Counts+k] = gen_step[s-1].held[From+6*Counts+k];
                    end
                end
            end
            if ((s + 1) % 3 == 0 || (s == Steps && RowLevels == 0)) begin : gen_register
                logic [Bits-1:0] bits_q;
                always_ff @(posedge clk) begin : p_bits
                    if (enable_i) bits_q <= bits;
                end
                assign held = bits_q;
            end else begin : gen_wire
                assign held = bits;
            end
        end

        localparam integer RowW = Columns < CountW ? Columns : CountW;
        logic [Rows*RowW-1:0] rows;
        for (genvar r = 0; r < Rows; r++) begin : gen_row
            for (genvar c = 0; c < RowW; c++) begin : gen_bit
                if (r < height(Steps, c)) begin : gen_there
                    assign rows[r*RowW+c] = gen_step[Steps].held[offset(Steps, c)+r];
                end else begin : gen_none
                    assign rows[r*RowW+c] = 1'b0;
                end
            end
        end
        logic [RowW-1:0] sum, count;
        ql_sum_tree #(.Terms(Rows), .TermW(RowW), .TermSigned(0), .SumW(RowW), .LevelsBefore(1 + Steps)) tree (
            .clk(clk), .enable_i(enable_i), .terms_i(rows), .sum_o(sum)
        );
        if (Latency > Clocks) begin : gen_idle
            logic [(Latency-Clocks)*RowW-1:0] sums_q;
            always_ff @(posedge clk) begin : p_sums
                if (enable_i) sums_q <= ((Latency-Clocks)*RowW)'({sums_q, sum});
            end
            assign count = sums_q[(Latency-Clocks-1)*RowW +: RowW];
        end else begin : gen_busy
            assign count = sum;
        end
        if (CountW > RowW) begin : gen_extend
            assign count_o = {{(CountW - RowW) {1'b0}}, count};
        end else begin : gen_same
            assign count_o = count;
        end
        wire unused = &{1'b0, gen_step[Steps].held};
    end
endmodule
`default_nettype wire
