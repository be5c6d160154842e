defmodule Conformance.Queue do
  @moduledoc "The queue of GenStage's documentation: events, and the demand that could not be met."

  use GenStage

  alias Conformance.{Process, World}

  def init({world, name, spec}) do
    World.enter(world, name)
    size = if spec[:maxsize], do: [buffer_size: spec.maxsize], else: []
    {:producer, {[], 0}, size ++ Map.to_list(spec[:options] || %{})}
  end

  def handle_cast({:put, events}, {waiting, pending}), do: hand_out(waiting ++ events, pending)
  def handle_call(:waiting, _, {waiting, pending}), do: {:reply, length(waiting), [], {waiting, pending}}
  def handle_demand(asked, {waiting, pending}), do: hand_out(waiting, pending + asked)

  def handle_info(message, state) do
    Process.seen(message)
    {:noreply, [], state}
  end

  defp hand_out(waiting, pending) do
    {events, rest} = Enum.split(waiting, pending)
    {:noreply, events, {rest, pending - length(events)}}
  end
end

defmodule Conformance.Worker do
  @moduledoc "A consumer that sees what it gets, and does what each event says."

  use GenStage

  alias Conformance.{Ops, Process, Stage, World}

  def init({world, name, spec, parent}) do
    World.enter(world, name, parent)
    if spec[:trap], do: Elixir.Process.flag(:trap_exit, true)
    if spec[:logs], do: Elixir.Process.put(:logs, true)
    demand = for key <- [:max_demand, :min_demand], spec[key] != nil, do: {key, spec[key]}
    subscribe_to = [{World.target(spec.queue), [{:cancel, spec[:cancel] || :permanent} | demand]}]
    Stage.begun(spec, {:consumer, spec.queue, subscribe_to: subscribe_to})
  end

  def handle_events(events, _, queue) do
    World.saw(World.label(), queue, [:events, Enum.map(events, &hd/1)])
    Elixir.Process.put(:sender, queue)
    for [_, ops] <- events, do: Ops.run(ops)
    {:noreply, Stage.emitted(), queue}
  end

  def handle_info(message, state) do
    Process.seen(message)
    {:noreply, [], state}
  end
end

defmodule Conformance.Stage do
  @moduledoc "A stage of any type, whose callbacks see what they are called with, and do what a scenario says."

  use GenStage

  alias Conformance.{Canonical, Ops, Process, Subscription, World}

  def init({world, name, spec, parent}) do
    World.enter(world, name, parent)
    Elixir.Process.put(:spec, spec)
    if spec[:logs], do: Elixir.Process.put(:logs, true)
    begun(spec, {spec.type, [], Enum.map(spec[:options] || %{}, &option/1)})
  end

  @doc "What an init returns: as a scenario says, or else what it would."
  def begun(spec, otherwise) do
    case Ops.returned(spec[:init] || []) do
      nil -> otherwise
      [:ignore] -> :ignore
      [:stop, reason] -> {:stop, Canonical.reason(reason)}
      [:bad, value] -> value
    end
  end

  defp option({:subscribe_to, producers}) do
    {:subscribe_to, for([producer, options] <- producers, do: {World.target(producer), Map.to_list(options)})}
  end

  defp option(other), do: other

  def handle_subscribe(role, options, {pid, ref}, _) do
    Subscription.remember(options, {if(role == :producer, do: pid, else: self()), ref})
    World.saw(World.label(), World.label_of(pid), [:subscribed, Subscription.name(ref), role, Subscription.options(options)])

    case callback(:subscribe) do
      nil -> {:automatic, []}
      [:ok, :manual] -> {:manual, []}
      other -> answer(other)
    end
  end

  def handle_demand(asked, _) do
    World.saw(World.label(), World.label(), [:demand, asked])
    :demand |> callback() |> answer()
  end

  def handle_events(events, {pid, ref}, _) do
    World.saw(World.label(), World.label_of(pid), [:events, Subscription.name(ref), Enum.map(events, &hd/1)])
    events |> Enum.flat_map(fn [_, ops] -> ops end) |> run(World.label()) |> answer()
  end

  def handle_cancel({how, reason}, {pid, ref}, _) do
    World.saw(World.label(), World.label_of(pid), [:cancelled, Subscription.name(ref), how, Canonical.term(reason)])
    :cancel |> callback() |> answer()
  end

  @doc "How many events the buffer had no room for; whether that is warned of is returned."
  def format_discarded(count, _) do
    warns = Elixir.Process.get(:spec)[:warns]
    if warns != nil, do: World.saw(World.label(), World.label(), [:discarded, count])
    warns != false
  end

  def handle_call({:ops, sender, ops}, from, _) do
    Elixir.Process.put(:from, from)

    case run(ops, sender) do
      nil -> {:reply, :ok, emitted(), []}
      [:reply, value] -> {:reply, value, emitted(), []}
      other -> answer(other)
    end
  end

  def handle_cast({:ops, sender, ops}, _), do: ops |> run(sender) |> answer()

  def handle_info({:do, step, ops}, _) do
    returned = run(ops, World.label())
    World.put({:done, step}, true)
    answer(returned)
  end

  def handle_info({:ops, sender, ops}, _), do: ops |> run(sender) |> answer()

  def handle_info(message, _) do
    Process.witness(message)
    {:noreply, [], []}
  end

  defp callback(name), do: run(Elixir.Process.get(:spec)[name] || [], World.label())

  defp run(ops, sender) do
    Elixir.Process.put(:sender, sender)
    Ops.returned(ops)
  end

  defp answer(nil), do: {:noreply, emitted(), []}
  defp answer([:noreply]), do: {:noreply, emitted(), []}
  defp answer([:noreply, :hibernate]), do: {:noreply, emitted(), [], :hibernate}
  defp answer([:stop, reason]), do: {:stop, Canonical.reason(reason), []}

  @doc "Take what is to be emitted by the callback that runs."
  def emitted, do: Elixir.Process.delete(:emitted) || []
end

defmodule Conformance.Subscription do
  @moduledoc "Subscriptions, which a scenario gives names to by an option `as`, and the messages of which they are made."

  alias Conformance.{Canonical, World}

  @doc "Remember a subscription by its name; it is the producer and a tag, as GenStage's functions take it."
  def remember(options, {_, ref} = subscription) do
    World.put({:subscription, options[:as]}, subscription)
    World.put({:tag, ref}, options[:as])
  end

  def named(name), do: World.get({:subscription, name}, nil)
  def name(ref), do: World.get({:tag, ref}, nil)
  def options(options), do: options |> Keyword.delete(:as) |> Enum.sort() |> Canonical.term()

  @doc "Send a message of the protocol to a producer or a consumer; who isn't a stage plays the other."
  def post(role, to, name, what) do
    ref = if named(name), do: elem(named(name), 1), else: make_ref()
    send(World.target(to), {:"$gen_#{role}", {self(), ref}, message(what, World.target(to), name, ref)})
  end

  defp message([:events, events], _, _, _), do: events
  defp message([:ask, count], _, _, _), do: {:ask, count}
  defp message([:cancel, reason], _, _, _), do: {:cancel, Canonical.reason(reason)}

  defp message([:subscribe, options], producer, name, ref) do
    options = [{:as, name} | Map.to_list(options)]
    remember(options, {producer, ref})
    {:subscribe, nil, options}
  end

  @doc "See a message of the protocol; called in who isn't a stage."
  def witness({_, {pid, ref}, message}) do
    with {:subscribe, _, options} <- message, do: remember(options, {self(), ref})
    World.saw(World.label(), World.label_of(pid), seen(message, name(ref)))
  end

  defp seen({:subscribe, nil, options}, name), do: [:subscribe, name, options(options)]
  defp seen({:subscribe, {old, reason}, options}, name), do: [:resubscribe, name(old), Canonical.term(reason), name, options(options)]
  defp seen({:ask, count}, name), do: [:ask, name, count]
  defp seen({:cancel, reason}, name), do: [:cancel, name, Canonical.term(reason)]
  defp seen(events, name), do: [:events, name, Enum.map(events, &hd/1)]
end
