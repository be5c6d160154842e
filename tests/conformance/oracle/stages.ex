defmodule Conformance.Queue do
  @moduledoc "The queue of GenStage's documentation: events, and the demand that could not be met."

  use GenStage

  alias Conformance.{Process, World}

  def init({world, name, _}) do
    World.enter(world, name)
    {:producer, {[], 0}}
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

  alias Conformance.{Ops, Process, World}

  def init({world, name, spec, parent}) do
    World.enter(world, name, parent)
    if spec[:trap], do: Elixir.Process.flag(:trap_exit, true)
    demand = for key <- [:max_demand, :min_demand], spec[key] != nil, do: {key, spec[key]}
    {:consumer, spec.queue, subscribe_to: [{World.target(spec.queue), [{:cancel, spec[:cancel] || :permanent} | demand]}]}
  end

  def handle_events(events, _, queue) do
    World.saw(World.label(), queue, [:events, Enum.map(events, &hd/1)])
    Elixir.Process.put(:sender, queue)
    for [_, ops] <- events, do: Ops.run(ops)
    {:noreply, [], queue}
  end

  def handle_info(message, state) do
    Process.seen(message)
    {:noreply, [], state}
  end
end
