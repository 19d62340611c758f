// ql_axi_dma_read: memory to stream: reads `length_i` bytes from `address_i` on and sends them as one packet.
//
//   start_i --> [bursts] --> AR      R --> [FIFO] --> m_axis (tkeep partial on the last beat, tlast)
//
// Bursts are as long as MaxBurst and the next 4 KB boundary allow; they are asked for ahead, as far as the FIFO has room, so that
// memory latency is hidden. One beat a clock. After an error or drain_i no burst is begun, what was asked for is taken
// and dropped, and busy_o falls when nothing is open.
//
// Model: tests/soc/dma_test.cpp   Test: tests/soc/dma_test.cpp
`default_nettype none
module ql_axi_dma_read #(
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
    input  wire  logic                 drain_i,         // finish what is open and send nothing more
    output       logic                 busy_o,          // a request or answer is open on AXI
    output       logic                 done_o,          // one clock: the last beat was taken
    output       logic                 failed_o,        // one clock: ended by an error, nothing is open
    output       logic                 slave_error_o,
    output       logic                 decode_error_o,
    output       logic [         31:0] m_axi_araddr,
    output       logic [          7:0] m_axi_arlen,
    output       logic                 m_axi_arvalid,
    input  wire  logic                 m_axi_arready,
    input  wire  logic [  MemoryW-1:0] m_axi_rdata,
    input  wire  logic [          1:0] m_axi_rresp,
    input  wire  logic                 m_axi_rlast,
    input  wire  logic                 m_axi_rvalid,
    output       logic                 m_axi_rready,
    output       logic [  MemoryW-1:0] m_axis_tdata,
    output       logic [MemoryW/8-1:0] m_axis_tkeep,
    output       logic                 m_axis_tlast,
    output       logic                 m_axis_tvalid,
    input  wire  logic                 m_axis_tready
);
    localparam integer Bytes = MemoryW / 8;
    localparam integer ByteW = $clog2(Bytes);
    localparam integer PageW = 12 - ByteW;          // bits of a word's place in its 4 KB page
    localparam integer WordsW = LengthW - ByteW + 1;
    localparam integer CountW = $clog2(FifoDepth + 1);
    if (MemoryW < 32 || MemoryW > 1024 || 2 ** ByteW != Bytes || FifoDepth < MaxBurst || MaxBurst > 256) begin : gen_check
        $error("ql_axi_dma_read: MemoryW must be a power of two from 32 on, MaxBurst at most FifoDepth and 256");
    end

    logic              active_q;                    // a transfer is going on
    logic [31:ByteW]   word_address_q;
    logic [WordsW-1:0] ask_left_q, send_left_q;     // words not yet asked for, not yet sent
    logic [ByteW-1:0]  last_bytes_q;                // of the last word; 0: all
    logic [CountW-1:0] reserved_q;                  // words asked for and not yet out of the FIFO
    logic [CountW-1:0] open_q;                      // words asked for and not yet come
    logic              slave_q, decode_q, bad;
    logic [WordsW-1:0] words;

    // Words of the next burst.
    logic [PageW:0] page_left;
    logic [9:0]     burst;
    always_comb begin : p_burst
        page_left = (PageW + 1)'(2 ** PageW) - {1'b0, word_address_q[11:ByteW]};
        burst = 10'(MaxBurst);
        if (32'(page_left) < 32'(burst)) burst = 10'(page_left);
        if (32'(ask_left_q) < 32'(burst)) burst = 10'(ask_left_q);
    end

    logic ask, asked_q_free, fifo_pop, push, fifo_valid, fifo_ready, unused_fifo_ready;
    assign words        = WordsW'((32'(length_i) + 32'(Bytes - 1)) >> ByteW);
    assign bad          = slave_q || decode_q;
    assign asked_q_free = !m_axi_arvalid || m_axi_arready;
    assign ask          = active_q && !bad && !drain_i && ask_left_q != '0 && asked_q_free &&
                          32'(reserved_q) + 32'(burst) <= FifoDepth;
    assign m_axi_rready = 1'b1;                     // every word asked for has its place
    assign push         = m_axi_rvalid && !bad && !drain_i;
    assign fifo_pop     = fifo_valid && fifo_ready;
    assign fifo_ready   = m_axis_tready && active_q && !bad && !drain_i;
    assign busy_o       = open_q != '0 || m_axi_arvalid;
    assign slave_error_o  = slave_q;
    assign decode_error_o = decode_q;

    ql_fifo #(.DataW(MemoryW), .Depth(FifoDepth)) fifo (
        .clk(clk), .rst(rst || start_i),
        .s_axis_tdata(m_axi_rdata), .s_axis_tvalid(push), .s_axis_tready(unused_fifo_ready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(fifo_valid), .m_axis_tready(fifo_ready)
    );
    assign m_axis_tvalid = fifo_valid && active_q && !bad && !drain_i;
    assign m_axis_tlast  = send_left_q == WordsW'(1);
    always_comb begin : p_keep
        m_axis_tkeep = '1;
        if (m_axis_tlast && last_bytes_q != '0) m_axis_tkeep = (Bytes'(1) << last_bytes_q) - 1'b1;
    end

    always_ff @(posedge clk) begin : p_control
        done_o   <= 1'b0;
        failed_o <= 1'b0;
        if (rst) begin
            active_q      <= 1'b0;
            m_axi_arvalid <= 1'b0;
            open_q        <= '0;
            reserved_q    <= '0;
            slave_q       <= 1'b0;
            decode_q      <= 1'b0;
        end else begin
            if (m_axi_arready) m_axi_arvalid <= 1'b0;
            if (ask) m_axi_arvalid <= 1'b1;
            open_q     <= open_q + (ask ? CountW'(burst) : '0) - CountW'(m_axi_rvalid);
            reserved_q <= reserved_q + (ask ? CountW'(burst) : '0) - CountW'(fifo_pop);
            if (m_axi_rvalid && m_axi_rresp == 2'b10) slave_q <= 1'b1;
            if (m_axi_rvalid && m_axi_rresp == 2'b11) decode_q <= 1'b1;
            if (fifo_pop && m_axis_tlast) begin
                active_q <= 1'b0;
                done_o   <= 1'b1;
            end
            if (active_q && bad && !busy_o) begin
                active_q <= 1'b0;
                failed_o <= 1'b1;
            end
            if (start_i) begin
                active_q   <= 1'b1;
                reserved_q <= '0;
            end
        end
    end

    always_ff @(posedge clk) begin : p_data
        if (start_i) begin
            word_address_q <= address_i[31:ByteW];
            ask_left_q     <= words;
            send_left_q    <= words;
            last_bytes_q   <= length_i[ByteW-1:0];
        end else begin
            if (ask) begin
                word_address_q <= word_address_q + (32 - ByteW)'(burst);
                ask_left_q     <= ask_left_q - WordsW'(burst);
            end
            if (fifo_pop) send_left_q <= send_left_q - 1'b1;
        end
        if (ask) begin
            m_axi_araddr <= {word_address_q, ByteW'(0)};
            m_axi_arlen  <= 8'(burst - 1'b1);
        end
    end

    wire unused = &{1'b0, unused_fifo_ready, m_axi_rlast, address_i[ByteW-1:0]};

`ifndef SYNTHESIS
    a_aligned: assert property (@(posedge clk) disable iff (rst) start_i |-> address_i[ByteW-1:0] == '0)
        else $error("%m: a transfer starts at an address that is no multiple of the memory width");
    a_expected: assert property (@(posedge clk) disable iff (rst) m_axi_rvalid |-> open_q != '0)
        else $error("%m: read data came that nobody asked for");
    a_hold: assert property (@(posedge clk) disable iff (rst)
        m_axi_arvalid && !m_axi_arready |=> m_axi_arvalid && $stable(m_axi_araddr) && $stable(m_axi_arlen))
        else $error("%m: a read request changed while it waited");
    a_page: assert property (@(posedge clk) disable iff (rst)
        m_axi_arvalid |-> 32'(m_axi_araddr[11:0]) + (32'(m_axi_arlen) + 1) * Bytes <= 4096)
        else $error("%m: a burst crosses a 4 KB boundary");
`endif
endmodule
`default_nettype wire
