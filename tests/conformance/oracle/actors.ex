defmodule Conformance.Start do
  @moduledoc "Starts what a scenario describes."

  alias Conformance.{Canonical, Ops, Process, Server, Sup, World}

  def start(world, name, spec, how, parent \\ nil) do
    World.starting(world, name, fn -> begin(world, name, spec, how, parent) end)
  end

  # In a registry split by owners, that partition is an owner's to which its pid hashes.
  defp begin(world, name, %{kind: :proc, falls_into: [place, places]} = spec, :start, _) do
    starter = self()

    pid =
      spawn(fn ->
        if :erlang.phash2(self(), places) == place, do: Process.start(world, name, spec, starter), else: send(starter, {:misses, self()})
      end)

    receive do
      {:entered, ^pid} -> {:ok, pid}
      {:misses, ^pid} -> begin(world, name, spec, :start, nil)
    end
  end

  defp begin(world, name, %{kind: :proc} = spec, how, _) do
    args = [world, name, spec, self()]

    pid =
      case how do
        :link -> spawn_link(Process, :start, args)
        _ -> spawn(Process, :start, args)
      end

    receive do
      {:entered, ^pid} -> {:ok, pid}
    end
  end

  defp begin(world, name, %{kind: :server} = spec, how, parent) do
    args = {world, name, spec, parent}

    case how do
      :link -> GenServer.start_link(Server, args, options(spec))
      _ -> GenServer.start(Server, args, options(spec))
    end
  end

  defp begin(world, name, %{kind: :bare} = spec, how, _) do
    case how do
      :link -> GenServer.start_link(Conformance.Bare, {world, name, spec}, options(spec))
      _ -> GenServer.start(Conformance.Bare, {world, name, spec}, options(spec))
    end
  end

  defp begin(world, name, %{kind: :agent} = spec, how, _) do
    make = fn ->
      World.enter(world, name)
      if spec[:trap], do: Elixir.Process.flag(:trap_exit, true)
      Ops.changed([], spec[:init] || [])
    end

    case how do
      :link -> Agent.start_link(make, options(spec))
      _ -> Agent.start(make, options(spec))
    end
  end

  defp begin(world, name, %{kind: :sup} = spec, how, parent) do
    apart(how, fn -> Supervisor.start_link(Sup, {world, name, spec, parent}, options(spec)) end)
  end

  defp begin(world, name, %{kind: :registry} = spec, how, _) do
    case free(how, Registry.start_link(registry_name(name, spec) ++ registry_options(spec))) do
      {:ok, pid} ->
        World.introduce(world, name, pid)
        for {_, partition, _, _} <- Supervisor.which_children(pid), do: World.await_rest_of(partition, pid)
        {:ok, pid}

      other ->
        other
    end
  end

  defp begin(world, name, %{kind: :queue} = spec, how, _) do
    stage(how, Conformance.Queue, {world, name, spec}, spec)
  end

  defp begin(world, name, %{kind: :worker} = spec, how, parent) do
    stage(how, Conformance.Worker, {world, name, spec, parent}, spec)
  end

  defp begin(world, name, %{kind: :stage} = spec, how, parent) do
    stage(how, Conformance.Stage, {world, name, spec, parent}, spec)
  end

  defp stage(:link, module, args, spec), do: GenStage.start_link(module, args, options(spec))
  defp stage(_, module, args, spec), do: GenStage.start(module, args, options(spec))

  defp registry_name(_, %{called: nil}), do: []
  defp registry_name(_, %{called: text}), do: [name: Atom.to_string(text)]
  defp registry_name(name, _), do: [name: World.process_name(name)]

  def registry_options(spec) do
    for {option, value} <- spec, option in [:keys, :partitions, :listeners, :meta, :compressed] do
      case {option, value} do
        {:keys, [kind, how]} -> {option, {kind, how}}
        {:listeners, [:a_pid]} -> {option, [self()]}
        {:listeners, _} -> {option, Enum.map(value, &World.process_name/1)}
        {:meta, [:a_map, map]} -> {option, map}
        {:meta, _} -> {option, Enum.map(value, &meta/1)}
        _ -> {option, value}
      end
    end
  end

  defp meta([key, value]) when is_list(key), do: {List.to_tuple(key), value}
  defp meta(other), do: other

  # What has no start of its own without a link.
  defp free(:link, outcome), do: outcome

  defp free(_, outcome) do
    with {:ok, pid} <- outcome, do: Elixir.Process.unlink(pid)
    outcome
  end

  # A supervisor may fail to start, and its starter is not to hear of that twice.
  defp apart(:link, start), do: start.()

  defp apart(_, start) do
    trapping = Elixir.Process.flag(:trap_exit, true)
    outcome = start.()

    case outcome do
      {:ok, pid} -> Elixir.Process.unlink(pid)
      {:error, {:already_started, _}} -> :ok
      _ -> receive(do: ({:EXIT, _, _} -> :ok))
    end

    Elixir.Process.flag(:trap_exit, trapping)
    outcome
  end

  defp options(spec) do
    name = if spec[:name], do: [name: World.process_name(spec.name)], else: []
    if spec[:start_timeout], do: [{:timeout, World.milliseconds(spec.start_timeout)} | name], else: name
  end

  def child_spec(world, spec, sup) do
    base = %{id: spec.id, start: {__MODULE__, :child, [world, spec, sup]}, restart: spec[:restart] || :permanent}
    base = if spec.kind == :sup, do: Map.put(base, :type, :supervisor), else: base
    base = base |> Map.merge(Map.take(spec, [:type, :significant])) |> Map.merge(spec[:fields] || %{}) |> Map.delete(spec[:omits])

    case spec[:shutdown] do
      nil -> base
      ticks when is_integer(ticks) -> Map.put(base, :shutdown, World.milliseconds(ticks))
      other -> Map.put(base, :shutdown, other)
    end
  end

  @doc "The start function of children: called in the supervisor."
  def child(world, spec, sup) do
    case spec[:start] do
      [:raise, message] -> raise Atom.to_string(message)
      [:exit, reason] -> exit(Canonical.reason(reason))
      [:return, value] -> value
      how -> world |> start(spec[:called] || spec.id, spec, how || :link, sup) |> with_info(spec[:info])
    end
  end

  defp with_info({:ok, pid}, info) when info != nil, do: {:ok, pid, info}
  defp with_info(outcome, _), do: outcome
end

defmodule Conformance.Template do
  @moduledoc "A module that says itself how it is started under a supervisor."

  def child_spec(argument), do: %{id: __MODULE__, start: {__MODULE__, :start_link, [argument]}, restart: :temporary}
end

defmodule Conformance.Process do
  @moduledoc "A plain process: sees what it gets, and does what it is told."

  alias Conformance.{Canonical, Ops, World}

  def start(world, name, spec, starter) do
    World.enter(world, name)
    if spec[:name], do: Process.register(self(), World.process_name(spec.name))
    if spec[:trap], do: Process.flag(:trap_exit, true)
    send(starter, {:entered, self()})
    Ops.run(spec[:init] || [])
    loop()
  end

  defp loop do
    receive do
      message -> seen(message)
    end

    loop()
  end

  @doc "See a message that isn't a call or a cast."
  def seen({:do, step, ops}) do
    Process.put(:sender, World.label())
    Ops.run(ops)
    World.put({:done, step}, true)
  end

  def seen({:ops, sender, ops}) do
    Process.put(:sender, sender)
    Ops.run(ops)
  end

  def seen(message), do: witness(message)

  def witness({:msg, sender, value}), do: World.saw(World.label(), sender, [:msg, value])
  def witness({:EXIT, pid, reason}), do: World.saw(World.label(), World.label_of(pid), [:exit, Canonical.term(reason)])
  def witness(:timeout), do: World.saw(World.label(), :clock, [:timeout])

  def witness({:register, _, key, owner, value}), do: World.saw(World.label(), World.label_of(owner), [:register, key, value])
  def witness({:unregister, _, key, owner}), do: World.saw(World.label(), World.label_of(owner), [:unregister, key])

  def witness({:DOWN, ref, :process, object, reason}) do
    if World.get({:task_ref, ref}, nil) == nil or Process.get(:hears_tasks) do
      sender = if is_pid(object), do: World.label_of(object), else: World.get({:name, elem(object, 0)}, :stranger)
      World.saw(World.label(), sender, [:down, Canonical.term(reason)])
    end
  end

  def witness({role, _, _} = message) when role in [:"$gen_producer", :"$gen_consumer"] do
    Conformance.Subscription.witness(message)
  end

  def witness({ref, value}) when is_reference(ref) do
    case World.get({:asked, ref}, nil) do
      # The value of a task that its owner hasn't taken: our tasks' values are no messages.
      nil -> if Process.get(:hears_tasks), do: World.saw(World.label(), task_of(ref), [:value, Canonical.term(value)])
      pid -> World.saw(World.label(), World.label_of(pid), [:reply, Canonical.term(value)])
    end
  end

  defp task_of(ref), do: World.label_of(World.get({:task_ref, ref}, nil))
end

defmodule Conformance.Server do
  @moduledoc "A GenServer whose callbacks do what a scenario says."

  use GenServer

  alias Conformance.{Canonical, Ops, Process, World}

  @impl true
  def init({world, name, spec, parent}) do
    label = World.enter(world, name, parent)
    Elixir.Process.put(:terminates, spec[:terminate] || [])
    Elixir.Process.put(:logs_to, spec[:logs_to])
    Elixir.Process.put(:hears_tasks, spec[:hears_tasks])
    if spec[:trap], do: Elixir.Process.flag(:trap_exit, true)
    born(parent, label)
    Elixir.Process.put(:state, [])

    case Ops.returned(spec[:init] || []) do
      nil -> {:ok, state()}
      [:ok] -> {:ok, state()}
      [:ok, then] -> {:ok, state(), then(then)}
      [:ignore] -> :ignore
      [:stop, reason] -> {:stop, Canonical.reason(reason)}
      [:error, reason] -> {:error, Canonical.reason(reason)}
      [:bad, value] -> value
    end
  end

  defp born(nil, label), do: World.saw(label, label, [:init])
  defp born(parent, label), do: World.saw(parent, parent, [:init, label])

  @impl true
  def handle_call({:ops, sender, ops}, from, state) do
    Elixir.Process.put(:from, from)

    case callback(sender, ops, state) do
      nil -> {:reply, :ok, state()}
      [:reply, value] -> {:reply, value, state()}
      [:reply, value, then] -> {:reply, value, state(), then(then)}
      [:stop, reason, value] -> {:stop, Canonical.reason(reason), value, state()}
      other -> answer(other)
    end
  end

  @impl true
  def handle_cast({:ops, sender, ops}, state), do: sender |> callback(ops, state) |> answer()

  @impl true
  def handle_continue({:ops, ops}, state), do: World.label() |> callback(ops, state) |> answer()

  @impl true
  def handle_info({:do, step, ops}, state) do
    returned = callback(World.label(), ops, state)
    World.put({:done, step}, true)
    answer(returned)
  end

  def handle_info({:ops, sender, ops}, state), do: sender |> callback(ops, state) |> answer()

  def handle_info(message, state) do
    Process.witness(message)
    {:noreply, state}
  end

  @impl true
  def terminate(reason, state) do
    canonical = Canonical.term(reason)
    # What a supervisor does to its children, one after the other, is its own doing.
    sender = if canonical == :shutdown, do: Elixir.Process.get(:parent), else: nil
    observer = sender || World.label()
    World.saw(observer, observer, [:terminate, World.label(), canonical, Canonical.term(state)])
    Ops.run(Elixir.Process.get(:terminates))
  end

  defp callback(sender, ops, state) do
    Elixir.Process.put(:sender, sender)
    Elixir.Process.put(:state, state)
    Ops.returned(ops)
  end

  defp answer(nil), do: {:noreply, state()}
  defp answer([:noreply]), do: {:noreply, state()}
  defp answer([:noreply, then]), do: {:noreply, state(), then(then)}
  defp answer([:stop, reason]), do: {:stop, Canonical.reason(reason), state()}
  defp answer([:bad, value]), do: value

  defp then([:continue, ops]), do: {:continue, {:ops, ops}}
  defp then([:timeout, ticks]), do: World.milliseconds(ticks)
  defp then([:bad, value]), do: value

  defp state, do: Elixir.Process.get(:state)
end

defmodule Conformance.Bare do
  @moduledoc "A GenServer that defines no callback but the one that it must."

  use GenServer

  alias Conformance.{Ops, World}

  @impl true
  def init({world, name, spec}) do
    World.enter(world, name)

    case Ops.returned(spec[:init] || []) do
      nil -> {:ok, []}
      [:ok, [:continue, ops]] -> {:ok, [], {:continue, ops}}
    end
  end
end

defmodule Conformance.Sup do
  @moduledoc "A Supervisor of what a scenario describes."

  use Supervisor

  alias Conformance.{Ops, Start, World}

  @impl true
  def init({world, name, spec, parent}) do
    label = World.enter(world, name, parent)
    if spec[:reports], do: Process.put(:reports_as, name)
    if parent, do: World.saw(parent, parent, [:init, label])

    options = spec |> Map.take([:max_restarts, :max_seconds, :auto_shutdown]) |> Map.to_list()

    case Ops.returned(spec[:init] || []) do
      nil ->
        children = Enum.map(spec[:children] || [], &Start.child_spec(world, &1, name))
        Supervisor.init(children, [{:strategy, spec[:strategy] || :one_for_one} | options])

      [:ignore] ->
        :ignore
    end
  end
end
