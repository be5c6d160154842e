# elixir rows.exs ROW SIZE: the work of one row with GenServers; prints the figure, per second.
Logger.configure(level: :none)

defmodule Peer do
  use GenServer

  def start_link(state \\ nil), do: GenServer.start_link(__MODULE__, state)
  def init(state), do: {:ok, state}

  def handle_cast({:cast_to, peer, count}, state) do
    for number <- 1..count//1, do: GenServer.cast(peer, number)
    {:noreply, state}
  end

  def handle_cast(_message, state), do: {:noreply, state}

  def handle_call({:call, peer, count}, _from, state) do
    for number <- 1..count//1, do: GenServer.call(peer, number)
    {:reply, :ok, state}
  end

  def handle_call({:start_under, supervisor, count}, _from, state) do
    for number <- 1..count//1 do
      {:ok, _pid} = Supervisor.start_child(supervisor, %{id: number, start: {Peer, :start_link, []}})
    end

    {:reply, :ok, state}
  end

  def handle_call(message, _from, state), do: {:reply, message, state}
end

defmodule Rows do
  def run("tell, from outside", count) do
    {:ok, peer} = Peer.start_link()
    for number <- 1..count//1, do: GenServer.cast(peer, number)
    GenServer.call(peer, :done, :infinity)
  end

  def run("tell, actor to actor", count) do
    {:ok, peer} = Peer.start_link()
    {:ok, sender} = Peer.start_link()
    for _ <- 1..div(count, 1000)//1, do: GenServer.cast(sender, {:cast_to, peer, 1000})
    GenServer.call(sender, :done, :infinity)
    GenServer.call(peer, :done, :infinity)
  end

  def run("ask, from outside", count) do
    {:ok, peer} = Peer.start_link()
    for number <- 1..count//1, do: GenServer.call(peer, number)
  end

  def run("ask, between actors", count) do
    {:ok, peer} = Peer.start_link()
    {:ok, asker} = Peer.start_link()
    GenServer.call(asker, {:call, peer, count}, :infinity)
  end

  def run("start under a supervisor", count) do
    {:ok, supervisor} = Supervisor.start_link([], strategy: :one_for_one)
    {:ok, starter} = Peer.start_link()
    GenServer.call(starter, {:start_under, supervisor, count}, :infinity)
  end
end

[row, size] = System.argv()
count = String.to_integer(size)
# Once to load the code.
Rows.run(row, 1000)
begin = System.monotonic_time()
Rows.run(row, count)
took = System.monotonic_time() - begin
IO.puts(count * System.convert_time_unit(1, :second, :native) / took)
