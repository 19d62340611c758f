// ql_axi_dma_write: stream to memory: one packet of at most `length_i` bytes to `address_i` on.
//
//   s_axis --> [FIFO] --> W        [bursts] --> AW        B --> count --> done_o
//
// Nothing is taken from s_axis before start_i. The transfer ends with tlast, when all write responses are there; without tlast
// it never ends. A beat beyond length_i is an internal error; it is not written. Bursts are full (MaxBurst, or up to the
// next 4 KB boundary) except the last. After an error or drain_i what is begun is finished and no more.
//
// Model: tests/soc/dma_test.cpp   Test: tests/soc/dma_test.cpp
`default_nettype none
module ql_axi_dma_write #(
    parameter integer MemoryW   = 64,  // bits of the memory port and of the stream, 32 or more, a power of two
    parameter integer LengthW   = 26,  // bits of a length in bytes
    parameter integer MaxBurst  = 16,  // beats of a burst, 1 to 256, a power of two
    parameter integer FifoDepth = 64   // words, at least MaxBurst
) (
    input  wire  logic                 clk,
    input  wire  logic                 rst,
    input  wire  logic                 start_i,
    input  wire  logic [         31:0] address_i,
    input  wire  logic [  LengthW-1:0] length_i,
    input  wire  logic                 drain_i,
    output       logic                 busy_o,           // a request, data or an answer is open on AXI
    output       logic                 done_o,           // one clock
    output       logic [  LengthW-1:0] done_bytes_o,     // with done_o: bytes written
    output       logic                 failed_o,         // one clock: ended by an error, nothing is open
    output       logic                 internal_error_o,
    output       logic                 slave_error_o,
    output       logic                 decode_error_o,
    output       logic [         31:0] m_axi_awaddr,
    output       logic [          7:0] m_axi_awlen,
    output       logic                 m_axi_awvalid,
    input  wire  logic                 m_axi_awready,
    output       logic [  MemoryW-1:0] m_axi_wdata,
    output       logic [MemoryW/8-1:0] m_axi_wstrb,
    output       logic                 m_axi_wlast,
    output       logic                 m_axi_wvalid,
    input  wire  logic                 m_axi_wready,
    input  wire  logic [          1:0] m_axi_bresp,
    input  wire  logic                 m_axi_bvalid,
    output       logic                 m_axi_bready,
    input  wire  logic [  MemoryW-1:0] s_axis_tdata,
    input  wire  logic [MemoryW/8-1:0] s_axis_tkeep,     // the low bytes; partial only with tlast
    input  wire  logic                 s_axis_tlast,
    input  wire  logic                 s_axis_tvalid,
    output       logic                 s_axis_tready
);
    localparam integer Bytes = MemoryW / 8;
    localparam integer ByteW = $clog2(Bytes);
    localparam integer PageW = 12 - ByteW;
    localparam integer CountW = $clog2(FifoDepth + 1);
    if (MemoryW < 32 || MemoryW > 1024 || 2 ** ByteW != Bytes || FifoDepth < MaxBurst || MaxBurst > 256) begin : gen_check
        $error("ql_axi_dma_write: MemoryW must be a power of two from 32 on, MaxBurst at most FifoDepth and 256");
    end

    logic               active_q, open_q;        // a transfer is going on; its packet has not ended
    logic [31:ByteW]    word_address_q;
    logic [LengthW-1:0] bytes_q;                 // taken from the stream
    logic [CountW-1:0]  waiting_q;               // words in the FIFO that belong to no burst yet
    logic [9:0]         burst_left_q;            // words of the burst not yet sent
    logic [7:0]         responses_q;             // bursts begun and not answered
    logic               internal_q, slave_q, decode_q, bad;

    // Bytes of the beat on s_axis.
    logic [ByteW:0] beat_bytes;
    always_comb begin : p_bytes
        beat_bytes = '0;
        for (int i = 0; i < Bytes; i++) beat_bytes = beat_bytes + (ByteW + 1)'(s_axis_tkeep[i]);
    end

    logic [PageW:0] page_left;
    logic [9:0]     burst, full_burst;
    always_comb begin : p_burst
        page_left  = (PageW + 1)'(2 ** PageW) - {1'b0, word_address_q[11:ByteW]};
        full_burst = 10'(MaxBurst);
        if (32'(page_left) < 32'(full_burst)) full_burst = 10'(page_left);
        burst = full_burst;
        if (32'(waiting_q) < 32'(burst)) burst = 10'(waiting_q);
    end

    logic take, is_over, push, begin_burst, fifo_ready, fifo_valid, send;
    logic [LengthW:0] bytes_after;
    assign bytes_after = {1'b0, bytes_q} + (LengthW + 1)'(beat_bytes);
    assign is_over     = bytes_after > {1'b0, length_i};
    assign bad         = internal_q || slave_q || decode_q;
    assign s_axis_tready = active_q && open_q && !bad && !drain_i && fifo_ready;
    assign take        = s_axis_tvalid && s_axis_tready;
    assign push        = take && !is_over;
    // The request and the data of a burst are offered together: a memory may wait for either.
    assign begin_burst = active_q && !bad && !drain_i && burst_left_q == '0 && (!m_axi_awvalid || m_axi_awready) &&
                         waiting_q != '0 && (!open_q || 32'(waiting_q) >= 32'(full_burst)) && responses_q != '1;
    assign m_axi_wvalid = fifo_valid && burst_left_q != '0;
    assign m_axi_wlast  = burst_left_q == 10'd1;
    assign m_axi_bready = 1'b1;
    assign send         = m_axi_wvalid && m_axi_wready;
    assign busy_o       = burst_left_q != '0 || m_axi_awvalid || responses_q != '0;
    assign done_bytes_o     = bytes_q;
    assign internal_error_o = internal_q;
    assign slave_error_o    = slave_q;
    assign decode_error_o   = decode_q;

    ql_fifo #(.DataW(MemoryW + Bytes), .Depth(FifoDepth)) fifo (
        .clk(clk), .rst(rst || start_i),
        .s_axis_tdata({s_axis_tkeep, s_axis_tdata}), .s_axis_tvalid(push), .s_axis_tready(fifo_ready),
        .m_axis_tdata({m_axi_wstrb, m_axi_wdata}), .m_axis_tvalid(fifo_valid),
        .m_axis_tready(m_axi_wready && burst_left_q != '0)
    );

    always_ff @(posedge clk) begin : p_control
        done_o   <= 1'b0;
        failed_o <= 1'b0;
        if (rst) begin
            active_q      <= 1'b0;
            open_q        <= 1'b0;
            m_axi_awvalid <= 1'b0;
            waiting_q     <= '0;
            burst_left_q  <= '0;
            responses_q   <= '0;
            internal_q    <= 1'b0;
            slave_q       <= 1'b0;
            decode_q      <= 1'b0;
            bytes_q       <= '0;
        end else begin
            if (m_axi_awready) m_axi_awvalid <= 1'b0;
            if (begin_burst) m_axi_awvalid <= 1'b1;
            if (begin_burst) burst_left_q <= burst;
            else if (send) burst_left_q <= burst_left_q - 1'b1;
            waiting_q   <= waiting_q + CountW'(push) - (begin_burst ? CountW'(burst) : '0);
            responses_q <= responses_q + 8'(begin_burst) - 8'(m_axi_bvalid);
            if (m_axi_bvalid && m_axi_bresp == 2'b10) slave_q <= 1'b1;
            if (m_axi_bvalid && m_axi_bresp == 2'b11) decode_q <= 1'b1;
            if (push) bytes_q <= bytes_after[LengthW-1:0];
            if (take && is_over) internal_q <= 1'b1;
            if (take && s_axis_tlast) open_q <= 1'b0;
            if (active_q && !bad && !drain_i && !open_q && waiting_q == '0 && !busy_o) begin
                active_q <= 1'b0;
                done_o   <= 1'b1;
            end
            if (active_q && bad && !busy_o) begin
                active_q <= 1'b0;
                failed_o <= 1'b1;
            end
            if (start_i) begin
                active_q <= 1'b1;
                open_q   <= 1'b1;
                bytes_q  <= '0;
            end
        end
    end

    always_ff @(posedge clk) begin : p_data
        if (start_i) word_address_q <= address_i[31:ByteW];
        else if (begin_burst) word_address_q <= word_address_q + (32 - ByteW)'(burst);
        if (begin_burst) begin
            m_axi_awaddr <= {word_address_q, ByteW'(0)};
            m_axi_awlen  <= 8'(burst - 1'b1);
        end
    end

    wire unused = &{1'b0, address_i[ByteW-1:0]};

`ifndef SYNTHESIS
    a_aligned: assert property (@(posedge clk) disable iff (rst) start_i |-> address_i[ByteW-1:0] == '0)
        else $error("%m: a transfer starts at an address that is no multiple of the memory width");
    a_keep: assert property (@(posedge clk) disable iff (rst)
        take |-> s_axis_tkeep[0] && (s_axis_tkeep & (s_axis_tkeep + 1'b1)) == '0 && (s_axis_tlast || &s_axis_tkeep))
        else $error("%m: a beat must hold low bytes without a gap, and all of them but for the last beat");
    a_hold: assert property (@(posedge clk) disable iff (rst)
        m_axi_awvalid && !m_axi_awready |=> m_axi_awvalid && $stable(m_axi_awaddr) && $stable(m_axi_awlen))
        else $error("%m: a write request changed while it waited");
    a_data_hold: assert property (@(posedge clk) disable iff (rst)
        m_axi_wvalid && !m_axi_wready |=> m_axi_wvalid && $stable(m_axi_wdata) && $stable(m_axi_wstrb) && $stable(m_axi_wlast))
        else $error("%m: write data changed while they waited");
    a_page: assert property (@(posedge clk) disable iff (rst)
        m_axi_awvalid |-> 32'(m_axi_awaddr[11:0]) + (32'(m_axi_awlen) + 1) * Bytes <= 4096)
        else $error("%m: a burst crosses a 4 KB boundary");
    a_answer: assert property (@(posedge clk) disable iff (rst) m_axi_bvalid |-> responses_q != '0)
        else $error("%m: an answer came to no burst");
`endif
endmodule
`default_nettype wire
